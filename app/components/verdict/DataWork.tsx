/** @file What the prompt says of the person's rows: which it finds hard, and which of those without an answer are worth labelling. */
import { Button, Text } from '@radix-ui/themes';
import { type ReactNode, useId, useRef } from 'react';
import { tryExample } from '../../session/actions/playground';
import { findHardest, rankUnlabelled } from '../../session/actions/rows';
import { askedText } from '../../session/askedText';
import { toCsv } from '../../session/csv';
import { count, figures } from '../../session/format';
import { hardestFile, rankedFile } from '../../session/rowFiles';
import { saveFile } from '../../session/saveFile';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import type { HardRows, PromptReport, RankedRows } from '../../workers/protocol';
import { Fold } from '../ui/Fold';
import { Panel } from '../ui/Panel';
import { RowWorkLine } from './RowWorkLine';

const FIRST_SHOWN = 10;

/** Nothing while there is no prompt to ask. */
export function DataWork() {
  const prompt = useStudio((state) => state.prompt.report);
  const data = useStudio((state) => state.data.report !== null);
  const rows = useStudio((state) => state.rows);
  const running = useStudio((state) => isRunning(state.run));
  if (!prompt || !data) return null;
  const why = running ? 'Once the run rests.' : null;
  return (
    <Panel title="Your rows" aside="asked with the prompt in use">
      <Fold title="Rows it finds hardest">
        <Text as="p" size="2" color="gray">
          Of the rows it learns from. One that stays hard may be labelled wrongly, or be of a kind that is
          rare.
        </Text>
        <RowWorkLine kind="hardest" why={why}>
          <Button
            size="1"
            variant="soft"
            disabled={why !== null || rows.busy !== null}
            onClick={() => void findHardest()}
          >
            Find the hardest rows
          </Button>
        </RowWorkLine>
        {rows.hardest && <Hardest found={rows.hardest} prompt={prompt} />}
      </Fold>
      <Fold title="Rows worth labelling">
        <Text as="p" size="2" color="gray">
          Give a file of inputs without answers. The prompt answers all, and those it is least sure of come
          first: their right answers teach it most. Fill them in, and open the file beside your data.
        </Text>
        <RowWorkLine kind="unlabelled" why={why}>
          <ChooseUnlabelled disabled={why !== null || rows.busy !== null} />
        </RowWorkLine>
        {rows.unlabelled && <Ranked {...rows.unlabelled} prompt={prompt} />}
      </Fold>
    </Panel>
  );
}

function ChooseUnlabelled({ disabled }: { disabled: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  return (
    <>
      <Button size="1" variant="soft" disabled={disabled} onClick={() => input.current?.click()}>
        Choose a file of inputs…
      </Button>
      <label htmlFor={id} className="visually-hidden">
        File of inputs without answers
      </label>
      <input
        ref={input}
        id={id}
        type="file"
        className="visually-hidden"
        tabIndex={-1}
        disabled={disabled}
        onChange={(event) => {
          const file = event.target.files?.[0];
          event.target.value = '';
          if (file) void rankUnlabelled(file);
        }}
      />
    </>
  );
}

function Earlier({ of, prompt }: { of: PromptReport; prompt: PromptReport }) {
  if (of.id === prompt.id) return null;
  return (
    <Text as="p" size="1" color="amber" highContrast>
      Asked with an earlier prompt: {of.name}
    </Text>
  );
}

function Hardest({ found, prompt }: { found: HardRows; prompt: PromptReport }) {
  const template = useStudio((state) => state.data.report?.options.inputTemplate ?? '');
  const { hardest, rows, of } = found;
  const classes = hardest.some(({ said }) => said !== null);
  return (
    <>
      <Earlier of={found.prompt} prompt={prompt} />
      <Listed
        caption={`The hardest of ${rows === of ? '' : `${count(rows)} of `}${count(of)} rows to learn from`}
        heads={['row', 'input', 'target', ...(classes ? ['taken for'] : []), 'loss']}
        rows={hardest.slice(0, FIRST_SHOWN).map((row) => ({
          key: row.row,
          cells: [row.row, row.input, row.target, ...(classes ? [row.said ?? '—'] : []), figures(row.loss)],
          onTry: () => tryExample({ input: askedText(row, template), wanted: row.target }),
        }))}
      />
      <SaveButton name="hardest rows.csv" text={() => toCsv(...hardestFile(found))}>
        Save {count(hardest.length)} as CSV
      </SaveButton>
    </>
  );
}

function Ranked({ name, ranked, prompt }: { name: string; ranked: RankedRows; prompt: PromptReport }) {
  const { rows, of, by } = ranked;
  if (rows.length === 0) return <p className="results-none">No row of {name} has an input.</p>;
  return (
    <>
      <Earlier of={ranked.prompt} prompt={prompt} />
      <Listed
        caption={`${count(rows.length)} of ${count(of)} rows of ${name}, the least sure first`}
        heads={['row', 'input', 'it would say', by === 'classes' ? 'unsure, 0 to 1' : 'nats a token']}
        rows={rows.slice(0, FIRST_SHOWN).map(({ row, cells, guess, uncertainty }) => ({
          key: row,
          cells: [row, cells.filter((cell) => cell !== '').join(' · '), guess, figures(uncertainty)],
        }))}
      />
      <SaveButton
        name={`to label ${name.replace(/\.[a-z0-9]+$/i, '')}.csv`}
        text={() => toCsv(...rankedFile(ranked))}
      >
        Save {count(rows.length)} as CSV to label
      </SaveButton>
    </>
  );
}

interface ListedProps {
  caption: string;
  heads: string[];
  rows: { key: number; cells: (string | number)[]; onTry?: () => void }[];
}

function Listed({ caption, heads, rows }: ListedProps) {
  return (
    <div className="table-frame">
      <table className="results-table">
        <caption className="results-caption">{caption}</caption>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
            {rows.some(({ onTry }) => onTry) && (
              <th scope="col">
                <span className="visually-hidden">try</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, cells, onTry }) => (
            <tr key={key}>
              {cells.map((cell, i) => (
                <td key={heads[i]} className={heads[i] === 'input' ? 'results-input' : undefined}>
                  {cell}
                </td>
              ))}
              {onTry && (
                <td>
                  <Button size="1" variant="soft" color="gray" aria-label={`Try row ${key}`} onClick={onTry}>
                    Try
                  </Button>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SaveButton({ name, text, children }: { name: string; text: () => string; children: ReactNode }) {
  const save = () => saveFile(name, new Blob([text()], { type: 'text/csv;charset=utf-8' }));
  return (
    <div>
      <Button size="1" variant="soft" color="gray" onClick={save}>
        {children}
      </Button>
    </div>
  );
}
