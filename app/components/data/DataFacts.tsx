/** @file The dataset counted: what goes into training, what is left out and why. */
import { useState } from 'react';
import { count } from '../../session/format';
import type { DatasetReport } from '../../workers/protocol';
import { Note } from '../ui/ErrorNote';
import { Term } from '../ui/Term';
import { DataChecks } from './DataChecks';
import { EncodingChoice } from './EncodingChoice';

interface DataFactsProps {
  report: DatasetReport;
  disabled: boolean;
  /** Opens the fold with the columns. */
  onChooseColumns: () => void;
}

/** More names than these are folded. */
const FEW_CLASSES = 20;

export function DataFacts({ report, disabled, onChooseColumns }: DataFactsProps) {
  const { lengths, classes } = report;
  return (
    <div className="stack">
      <p className="facts numbers">
        {count(report.training)} rows for training, {count(report.validation)} for{' '}
        <Term of="validation">validation</Term>
        {report.validationFile ? ' (of their own)' : ''}, {count(report.test)} for the{' '}
        <Term of="test">test</Term>
        {report.testFile ? ' (of their own)' : ''}. {lengths.min}–{lengths.max} tokens each, half of them up
        to {Math.round(lengths.median)}.
        {report.emptyRows > 0 && ` ${plural(report.emptyRows, 'empty row')} left out.`}
        {report.duplicateRows > 0 && ` ${plural(report.duplicateRows, 'duplicate')} left out.`}
        {report.truncatedRows > 0 && (
          <>
            {' '}
            {plural(report.truncatedRows, 'row')} <Term of="truncated">cut to fit</Term>.
          </>
        )}
      </p>
      {classes && (
        <p className="facts">
          {classes.length} answers: <ClassNames names={classes} />
        </p>
      )}
      {report.guesses.length > 0 && <p className="facts">Recognised: {report.guesses.join('; ')}.</p>}
      <DataChecks report={report} disabled={disabled} onChooseColumns={onChooseColumns} />
      {report.encoding && report.encoding.candidates.length > 1 && (
        <EncodingChoice encoding={report.encoding} disabled={disabled} />
      )}
      {report.notes.length > 0 && (
        <Note>
          {report.notes.map((note) => (
            <p key={note}>{note}</p>
          ))}
        </Note>
      )}
    </div>
  );
}

function ClassNames({ names }: { names: readonly string[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? names : names.slice(0, FEW_CLASSES);
  return (
    <>
      {shown.map((name) => (
        <span className="class-name" key={name}>
          {name.trim()}
        </span>
      ))}
      {shown.length < names.length && (
        <button type="button" className="preview-whole" onClick={() => setAll(true)}>
          all {names.length}
        </button>
      )}
    </>
  );
}

function plural(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? '' : 's'}`;
}
