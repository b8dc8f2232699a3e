/** @file The dataset counted: what goes into training, what is left out and why. */
import { count } from '../../session/format';
import type { DatasetReport } from '../../workers/protocol';
import { Note } from '../ui/ErrorNote';
import { Term } from '../ui/Term';

export function DataFacts({ report }: { report: DatasetReport }) {
  const { lengths, classes } = report;
  return (
    <div className="stack">
      <p className="facts numbers">
        {count(report.training)} rows for training, {count(report.validation)} for{' '}
        <Term of="validation">validation</Term>
        {report.validationFile ? ' (a file of its own)' : ''}. {lengths.min}–{lengths.max} tokens each, half
        of them up to {Math.round(lengths.median)}.
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
          {classes.length} answers:{' '}
          {classes.map((name) => (
            <span className="class-name" key={name}>
              {name.trim()}
            </span>
          ))}
        </p>
      )}
      {report.guesses.length > 0 && <p className="facts">Recognised: {report.guesses.join('; ')}.</p>}
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

function plural(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? '' : 's'}`;
}
