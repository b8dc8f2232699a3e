/** @file A token's text with its spaces and line ends drawn faintly: they are part of it, and often the surprise. */
import type { ReactNode } from 'react';

const signs: Record<string, string> = { ' ': '·', '\n': '⏎', '\r': '␍', '\t': '⇥' };

export function visibleText(text: string): ReactNode {
  if (text === '') return <span className="token-blank">∅</span>;
  if (!/[ \n\r\t]/.test(text)) return text;
  return text.split(/([ \n\r\t])/).map((part, index) =>
    part in signs ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one token never move
      <span className="token-blank" key={index}>
        {signs[part]}
      </span>
    ) : (
      part
    ),
  );
}
