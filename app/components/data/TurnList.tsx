/** @file A conversation as turns, each with who speaks; those that the model learns are marked. */
import type { Turn } from '../../workers/protocol';

/** A longer turn is folded: what is asked and answered is seen at its ends. */
const LONG = 600;

const speakers: Record<Turn['role'], string> = {
  system: 'System',
  user: 'User',
  assistant: 'Assistant',
  tool: 'Tool',
};

export function TurnList({ turns }: { turns: readonly Turn[] }) {
  return (
    <ol className="turns" aria-label="Turns">
      {turns.map((turn, i) => (
        // Turns of one conversation never move.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <li key={i} className={`turn turn-${turn.role}`}>
          <span className="turn-speaker">
            {speakers[turn.role]}
            {turn.learned && <span className="turn-learned"> learned</span>}
          </span>
          <span className="turn-text">
            {turn.learned ? <mark className="tokens-label">{words(turn)}</mark> : words(turn)}
          </span>
        </li>
      ))}
    </ol>
  );
}

function words({ text, extra }: Turn): string {
  const calls =
    extra?.tool_calls === undefined
      ? ''
      : `${text === '' ? '' : '\n'}calls ${JSON.stringify(extra.tool_calls)}`;
  const whole = `${text.trim()}${calls}`;
  return whole.length <= LONG ? whole : `${whole.slice(0, LONG / 2)} … ${whole.slice(-LONG / 2)}`;
}
