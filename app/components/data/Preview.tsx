/** @file The first examples as the model reads them: one box a token, what it has to say itself underlined. */
import { Button, Text } from '@radix-ui/themes';
import { memo, useState } from 'react';
import type { DatasetReport, PreviewExample, PreviewToken } from '../../workers/protocol';
import { Term } from '../ui/Term';
import { visibleText } from '../ui/visibleText';
import { TurnList } from './TurnList';

const FIRST = 3;
/** More tokens than these are folded: a long document would push everything else away. */
const LONG = 160;

export function Preview({ report, busy }: { report: DatasetReport; busy: boolean }) {
  const [all, setAll] = useState(false);
  const examples = all ? report.preview : report.preview.slice(0, FIRST);
  return (
    <div className="preview" aria-busy={busy}>
      <p className="preview-legend">
        as <Term of="token">tokens</Term>; <mark className="tokens-label">underlined</mark>: what the model{' '}
        <Term of="label">has to say itself</Term>
      </p>
      <ol className="preview-list">
        {examples.map((example) => (
          <ExampleTokens key={example.row} example={example} />
        ))}
      </ol>
      {report.preview.length > FIRST && (
        <Button size="1" variant="ghost" color="gray" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? 'Fewer examples' : `${report.preview.length - FIRST} more examples`}
        </Button>
      )}
    </div>
  );
}

const ExampleTokens = memo(function ExampleTokens({ example }: { example: PreviewExample }) {
  const [whole, setWhole] = useState(false);
  const { tokens } = example;
  // Of several answers the last.
  const firstLabel = tokens.findLastIndex((token, i) => token.label && !tokens[i - 1]?.label);
  const long = tokens.length > LONG && !whole;
  // The answer is what matters: of a long example its neighbourhood is shown.
  const from = long ? Math.max(0, Math.min(firstLabel - LONG / 2, tokens.length - LONG)) : 0;
  const shown = long ? tokens.slice(from, from + LONG) : tokens;
  return (
    <li className="preview-example">
      {example.turns && <TurnList turns={example.turns} />}
      {example.cut > 0 && (
        <Text size="1" color="amber" highContrast className="preview-cut">
          {example.cut} tokens cut{' '}
        </Text>
      )}
      {from > 0 && <span className="preview-more">… </span>}
      {runs(shown).map((run) =>
        run.label ? (
          <mark className="tokens-label" key={run.start}>
            <Tokens tokens={run.tokens} />
          </mark>
        ) : (
          <span key={run.start}>
            <Tokens tokens={run.tokens} />
          </span>
        ),
      )}
      {long && (
        <button type="button" className="preview-whole" onClick={() => setWhole(true)}>
          all {tokens.length} tokens
        </button>
      )}
    </li>
  );
});

function Tokens({ tokens }: { tokens: PreviewToken[] }) {
  return tokens.map((token, index) => (
    // Tokens of one example never move.
    // biome-ignore lint/suspicious/noArrayIndexKey: see above
    <span className="token" key={index} title={`token ${token.id}`}>
      {visibleText(token.text)}
    </span>
  ));
}

/** Neighbouring tokens of one kind, so that a label is one underlined stretch. */
function runs(tokens: PreviewToken[]): { start: number; label: boolean; tokens: PreviewToken[] }[] {
  const out: { start: number; label: boolean; tokens: PreviewToken[] }[] = [];
  tokens.forEach((token, index) => {
    const last = out.at(-1);
    if (last && last.label === token.label) last.tokens.push(token);
    else out.push({ start: index, label: token.label, tokens: [token] });
  });
  return out;
}
