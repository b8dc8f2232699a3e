/** @file Which rows are kept for validation and for the test. */
import { type ChangeEvent, useId } from 'react';
import { addValidation, canAddValidation, faultOption } from '../../session/actions/data';
import type { DataOptions, DatasetReport } from '../../workers/protocol';
import { Choice } from '../ui/Choice';
import { NumberBox } from '../ui/NumberBox';
import { ColumnField } from './fields';

interface SplitFieldsProps {
  options: DataOptions;
  report: DatasetReport;
  disabled: boolean;
  onChange: (options: DataOptions) => void;
}

/** No column has this name: names are trimmed. */
const NO_GROUP = ' ';

export function SplitFields({ options, report, disabled, onChange }: SplitFieldsProps) {
  const splits = !report.validationFile || !report.testFile;
  const share = (label: string, name: 'validationShare' | 'testShare') => (
    <NumberBox
      label={label}
      unit="%"
      rule={{ min: 0, max: 90, whole: true }}
      value={Math.round(options[name] * 100)}
      disabled={disabled}
      onValue={(percent) => onChange({ ...options, [name]: percent / 100 })}
      onFault={(fault) => faultOption(label, fault)}
    />
  );
  return (
    <>
      {!report.validationFile && share('Kept for validation', 'validationShare')}
      {!report.testFile && share('Kept for the test', 'testShare')}
      {splits && (
        <>
          <ColumnField label="Kept together by">
            <Choice
              label="Kept together by"
              value={options.groupColumn ?? NO_GROUP}
              options={[
                { value: NO_GROUP, label: 'nothing: each row for itself' },
                ...report.columns.map((column) => ({ value: column, label: column })),
              ]}
              disabled={disabled}
              onChange={(column) =>
                onChange({ ...options, groupColumn: column === NO_GROUP ? null : column })
              }
            />
          </ColumnField>
          <NumberBox
            label="Split seed"
            rule={{ min: 0, max: 2_147_483_647, whole: true }}
            value={options.splitSeed}
            disabled={disabled}
            onValue={(splitSeed) => onChange({ ...options, splitSeed })}
            onFault={(fault) => faultOption('Split seed', fault)}
          />
        </>
      )}
      {canAddValidation() && <ValidationFile has={report.validationFile} disabled={disabled} />}
    </>
  );
}

function ValidationFile({ has, disabled }: { has: boolean; disabled: boolean }) {
  const id = useId();
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (file) void addValidation(file);
  };
  return (
    <div>
      <label htmlFor={id} className="field-label">
        {has ? 'Other rows for validation' : 'Rows for validation in a file of their own'}
      </label>
      <input id={id} type="file" className="plain-file" onChange={choose} disabled={disabled} />
    </div>
  );
}
