/** @file The curve as tables: every validation pass, and the last steps. */
import { Table } from '@radix-ui/themes';
import { figures, percent } from '../../session/format';
import type { StepRecord, ValidationRecord } from '../../workers/protocol';

const LAST_STEPS = 12;

interface CurveNumbersProps {
  steps: readonly StepRecord[];
  validations: readonly ValidationRecord[];
}

export function CurveNumbers({ steps, validations }: CurveNumbersProps) {
  const best = validations.findLast((record) => record.best)?.step;
  return (
    <div className="curve-numbers numbers">
      {validations.length > 0 && (
        <Table.Root size="1">
          <caption>Validation</caption>
          <Head names={['step', 'loss', 'accuracy', 'exact', 'tokens right', 'rows', '']} />
          <Table.Body>
            {validations.toReversed().map((record) => (
              <Table.Row key={record.step}>
                <Table.RowHeaderCell>{record.step}</Table.RowHeaderCell>
                <Table.Cell>{figures(record.loss)}</Table.Cell>
                <Table.Cell>{record.accuracy === null ? '–' : percent(record.accuracy)}</Table.Cell>
                <Table.Cell>{percent(record.exact)}</Table.Cell>
                <Table.Cell>{percent(record.tokenAccuracy)}</Table.Cell>
                <Table.Cell>{record.rows}</Table.Cell>
                <Table.Cell>{record.step === best ? 'best' : ''}</Table.Cell>
              </Table.Row>
            ))}
          </Table.Body>
        </Table.Root>
      )}
      <Table.Root size="1">
        <caption>Last steps</caption>
        <Head names={['step', 'loss', 'gradient', 'rate', 'tokens', 'ms']} />
        <Table.Body>
          {steps
            .slice(-LAST_STEPS)
            .toReversed()
            .map((record) => (
              <Table.Row key={record.step}>
                <Table.RowHeaderCell>{record.step}</Table.RowHeaderCell>
                <Table.Cell>{figures(record.loss)}</Table.Cell>
                <Table.Cell>{figures(record.gradientNorm)}</Table.Cell>
                <Table.Cell>{figures(record.learningRate)}</Table.Cell>
                <Table.Cell>{record.tokens}</Table.Cell>
                <Table.Cell>{Math.round(record.milliseconds)}</Table.Cell>
              </Table.Row>
            ))}
        </Table.Body>
      </Table.Root>
    </div>
  );
}

function Head({ names }: { names: string[] }) {
  return (
    <Table.Header>
      <Table.Row>
        {names.map((name) => (
          <Table.ColumnHeaderCell key={name}>{name}</Table.ColumnHeaderCell>
        ))}
      </Table.Row>
    </Table.Header>
  );
}
