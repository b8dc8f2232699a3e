/** @file Validation examples: the answer without and with the prompt, beside the one that is right. */
import { CheckIcon, Cross2Icon } from '@radix-ui/react-icons';
import { useRef } from 'react';
import { useWidth } from '../../session/hooks';
import { useStudio } from '../../session/store';
import type { AnswerRow } from '../../workers/protocol';
import { Empty, Panel } from '../ui/Panel';

/** Below this width in pixels four columns would break words: the input takes a line of its own. */
const ROOM_FOR_FOUR = 560;

export function AnswersPanel() {
  const answers = useStudio((state) => state.run?.answers ?? null);
  const rows = answers?.rows ?? [];
  const right = rows.filter((row) => isRight(row.with, row.target)).length;
  return (
    <Panel
      title="Answers"
      aside={
        answers && rows.length > 0 ? `${right} of ${rows.length} right at step ${answers.step}` : undefined
      }
    >
      {rows.length === 0 ? (
        <Empty>
          A few examples that were kept out of training come here, with what the model says without and with
          the prompt.
        </Empty>
      ) : (
        <AnswersTable rows={rows} />
      )}
    </Panel>
  );
}

function AnswersTable({ rows }: { rows: AnswerRow[] }) {
  const frame = useRef<HTMLDivElement>(null);
  const stacked = useWidth(frame) < ROOM_FOR_FOUR;
  return (
    <div className={`answers-table ${stacked ? 'is-stacked' : ''}`} ref={frame}>
      <table>
        <caption className="visually-hidden">Validation examples and their answers</caption>
        <thead>
          <tr>
            {!stacked && <th scope="col">input</th>}
            <th scope="col">wanted</th>
            <th scope="col">bare model</th>
            <th scope="col">soft prompt</th>
          </tr>
        </thead>
        {rows.map((row, index) => (
          // The examples of a run stay the same, in the same order.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <tbody key={index}>
            {stacked && (
              <tr>
                <th scope="rowgroup" colSpan={3} className="answer-input">
                  {row.input}
                </th>
              </tr>
            )}
            <tr>
              {!stacked && <td className="answer-input">{row.input}</td>}
              <td>{row.target.trim()}</td>
              <td>
                <Said words={row.without} row={row} />
              </td>
              <td>
                <Said words={row.with} row={row} />
              </td>
            </tr>
          </tbody>
        ))}
      </table>
    </div>
  );
}

function Said({ words, row }: { words: string; row: AnswerRow }) {
  const right = isRight(words, row.target);
  return (
    <span className={`said ${right ? 'said-right' : 'said-wrong'}`}>
      {right ? <CheckIcon aria-label="right:" /> : <Cross2Icon aria-label="wrong:" />}
      <span className="said-words">{words.trim() === '' ? '(nothing)' : words.trim()}</span>
    </span>
  );
}

function isRight(answer: string, target: string): boolean {
  return answer.trim() === target.trim();
}
