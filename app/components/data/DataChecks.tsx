/** @file What was seen in the rows, said calmly, each with what can be done about it at once. */
import { Button, Text } from '@radix-ui/themes';
import { setDataOptions } from '../../session/actions/data';
import { count } from '../../session/format';
import type { DataCheck, DatasetReport } from '../../workers/protocol';

interface DataChecksProps {
  report: DatasetReport;
  disabled: boolean;
  /** Opens the fold with the columns. */
  onChooseColumns: () => void;
}

export function DataChecks({ report, disabled, onChooseColumns }: DataChecksProps) {
  const { checks, options } = report;
  if (checks.length === 0) return null;
  const join = (joinLabels: boolean) => void setDataOptions({ ...options, joinLabels });
  return (
    <ul className="data-checks" aria-label="Seen in the rows">
      {checks.map((check) => (
        <li key={check.text}>
          <Text size="2">
            {check.text}
            {check.rows.length > 0 && <span className="data-check-rows"> {rowWords(check)}</span>}
          </Text>
          {check.action === 'joinLabels' && (
            <Button size="1" variant="soft" disabled={disabled} onClick={() => join(true)}>
              Join labels
            </Button>
          )}
          {check.action === 'separateLabels' && (
            <Button size="1" variant="soft" color="gray" disabled={disabled} onClick={() => join(false)}>
              Keep them apart
            </Button>
          )}
          {check.action === 'chooseColumns' && (
            <Button size="1" variant="soft" color="gray" disabled={disabled} onClick={onChooseColumns}>
              Choose columns
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

function rowWords({ rows }: DataCheck): string {
  return rows.length === 1 ? `Row ${count(rows[0])}.` : `Rows ${rows.map(count).join(', ')}.`;
}
