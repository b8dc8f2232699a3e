/** @file The curve as tables: every validation pass, what words alone reach on the same rows, and the last steps. */

import { figures, percent } from '../../session/format';
import { contenderLabel, countInstructions } from '../../session/verdictWords';
import type { StepRecord, ValidationRecord, WordsRecord } from '../../workers/protocol';

const LAST_STEPS = 12;

interface CurveNumbersProps {
  steps: readonly StepRecord[];
  validations: readonly ValidationRecord[];
  words: readonly WordsRecord[];
}

export function CurveNumbers({ steps, validations, words }: CurveNumbersProps) {
  const instructions = countInstructions(words);
  const best = validations.findLast((record) => record.best)?.step;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must be able to
    <section className="curve-numbers numbers" aria-label="Numbers of the run" tabIndex={0}>
      {validations.length > 0 && (
        <table>
          <caption>Validation</caption>
          <Head names={['step', 'loss', 'accuracy', 'exact', 'rows', 'best']} />
          <tbody>
            {validations.toReversed().map((record) => (
              <tr key={record.step}>
                <th scope="row">{record.step}</th>
                <td>{figures(record.loss)}</td>
                <td>{record.accuracy === null ? '–' : percent(record.accuracy)}</td>
                <td>{percent(record.exact)}</td>
                <td>{record.rows}</td>
                <td>{record.step === best ? 'best' : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {words.length > 0 && (
        <table>
          <caption>Words alone, on the validation rows</caption>
          <Head names={['words', 'loss', 'accuracy', 'exact', 'rows']} />
          <tbody>
            {words.map((record) => (
              <tr key={record.name}>
                <th scope="row">{contenderLabel(record.name, instructions)}</th>
                <td>{figures(record.loss)}</td>
                <td>{record.accuracy === null ? '–' : percent(record.accuracy)}</td>
                <td>{percent(record.exact)}</td>
                <td>{record.rows}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <table>
        <caption>Last steps</caption>
        <Head names={['step', 'loss', 'gradient', 'rate', 'tokens', 'ms']} />
        <tbody>
          {steps
            .slice(-LAST_STEPS)
            .toReversed()
            .map((record) => (
              <tr key={record.step}>
                <th scope="row">{record.step}</th>
                <td>{figures(record.loss)}</td>
                <td>{figures(record.gradientNorm)}</td>
                <td>{figures(record.learningRate)}</td>
                <td>{record.tokens}</td>
                <td>{Math.round(record.milliseconds)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </section>
  );
}

function Head({ names }: { names: string[] }) {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th key={name} scope="col">
            {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}
