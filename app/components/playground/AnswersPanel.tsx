/** @file Examples kept out of training: what is wanted, and what the bare model, the best instruction and the prompt say. */
import { CheckIcon, Cross2Icon } from '@radix-ui/react-icons';
import { useRef } from 'react';
import { useWidth } from '../../session/hooks';
import { useStudio } from '../../session/store';
import type { AnswerRow } from '../../workers/protocol';
import { Empty, Panel } from '../ui/Panel';
import { Explained } from '../ui/Term';

/** Below this width in pixels columns would break words: each answer takes a line of its own. */
const ROOM_FOR_COLUMNS = 620;

/** One of those that answer. */
interface Answerer {
  name: string;
  /** The words themselves, of an instruction. */
  instruction?: string;
  kind: 'bare' | 'words' | 'soft';
  of: (row: AnswerRow) => string;
}

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
          A few examples that were kept out of training come here, with what the model says by itself, after
          the best instruction, and with the prompt.
        </Empty>
      ) : (
        <AnswersTable rows={rows} answerers={answerersOf(rows, answers?.instruction ?? null)} />
      )}
    </Panel>
  );
}

function answerersOf(rows: readonly AnswerRow[], instruction: string | null): Answerer[] {
  const told = instruction !== null && rows.every((row) => row.told !== null);
  return [
    { name: 'bare model', kind: 'bare', of: (row) => row.without },
    ...(told
      ? [
          {
            name: 'best instruction',
            instruction,
            kind: 'words' as const,
            of: (row: AnswerRow) => row.told ?? '',
          },
        ]
      : []),
    { name: 'soft prompt', kind: 'soft', of: (row) => row.with },
  ];
}

interface TableProps {
  rows: readonly AnswerRow[];
  answerers: readonly Answerer[];
}

function AnswersTable(props: TableProps) {
  const frame = useRef<HTMLDivElement>(null);
  const stacked = useWidth(frame) < ROOM_FOR_COLUMNS;
  return (
    <div className={`answers-table ${stacked ? 'is-stacked' : ''}`} ref={frame}>
      <table>
        <caption className="visually-hidden">Validation examples and their answers</caption>
        {stacked ? <Stacked {...props} /> : <Columns {...props} />}
      </table>
    </div>
  );
}

// The examples of a run stay the same, in the same order: their place is their key.

function Columns({ rows, answerers }: TableProps) {
  return (
    <>
      <thead>
        <tr>
          <th scope="col">input</th>
          <th scope="col">wanted</th>
          {answerers.map((answerer) => (
            <th key={answerer.name} scope="col">
              <Name {...answerer} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <tr key={index}>
            <td className="answer-input">{row.input}</td>
            <td>{row.target.trim()}</td>
            {answerers.map((answerer) => (
              <td key={answerer.name}>
                <Said words={answerer.of(row)} target={row.target} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </>
  );
}

function Stacked({ rows, answerers }: TableProps) {
  return rows.map((row, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: see above
    <tbody key={index}>
      <tr>
        <th scope="rowgroup" colSpan={2} className="answer-input">
          {row.input}
        </th>
      </tr>
      <tr>
        <th scope="row">wanted</th>
        <td>{row.target.trim()}</td>
      </tr>
      {answerers.map((answerer) => (
        <tr key={answerer.name}>
          <th scope="row">
            <Name {...answerer} />
          </th>
          <td>
            <Said words={answerer.of(row)} target={row.target} />
          </td>
        </tr>
      ))}
    </tbody>
  ));
}

function Name({ name, instruction, kind }: Answerer) {
  return (
    <span className={`answerer answerer-${kind}`}>
      {instruction === undefined ? name : <Explained sentence={instruction}>{name}</Explained>}
    </span>
  );
}

function Said({ words, target }: { words: string; target: string }) {
  const right = isRight(words, target);
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
