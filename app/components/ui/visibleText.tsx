/** @file A token's text with what cannot be seen in it drawn faintly: spaces, line ends, control characters. */
import type { ReactNode } from 'react';

const signs: Record<string, string> = { ' ': '·', '\n': '⏎', '\r': '␍', '\t': '⇥' };

/** White space, and characters of Unicode's control and format classes (a stray byte, a zero-width space). */
const unseen = /([\s\p{Cc}\p{Cf}])/u;

export function visibleText(text: string): ReactNode {
  if (text === '') return <span className="token-blank">∅</span>;
  if (!unseen.test(text)) return text;
  return text.split(unseen).map((part, index) =>
    // Every second part is one that cannot be seen.
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one token never move
      <span className="token-blank" key={index}>
        {signs[part] ?? codeOf(part)}
      </span>
    ) : (
      part
    ),
  );
}

/** `\x06`, `\u200b`. */
function codeOf(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
}
