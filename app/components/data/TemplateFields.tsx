/** @file Which columns are input and target, and the words around them. */
import { Text } from '@radix-ui/themes';
import { columnOf, withInputColumn, withTargetColumn } from '../../session/templates';
import type { DataOptions } from '../../workers/protocol';
import { Choice } from '../ui/Choice';
import { Term } from '../ui/Term';
import { ColumnField, TemplateField } from './fields';

interface TemplateFieldsProps {
  options: DataOptions;
  columns: readonly string[];
  disabled: boolean;
  onChange: (options: DataOptions) => void;
}

export function TemplateFields({ options, columns, disabled, onChange: change }: TemplateFieldsProps) {
  const plain = options.kind === 'plainText';
  const columnChoices = columns.map((column) => ({ value: column, label: column }));
  return (
    <>
      {!plain && (
        <>
          <ColumnField label="Input column">
            <Choice
              label="Input column"
              value={columnOf(options.inputTemplate, columns) ?? ''}
              options={columnChoices}
              disabled={disabled}
              placeholder="none"
              onChange={(column) => change(withInputColumn(options, columns, column))}
            />
          </ColumnField>
          <TemplateField
            label="The model reads"
            value={options.inputTemplate}
            disabled={disabled}
            onChange={(inputTemplate) => change({ ...options, inputTemplate })}
          />
        </>
      )}
      <ColumnField label={plain ? 'Text column' : 'Target column'}>
        <Choice
          label={plain ? 'Text column' : 'Target column'}
          value={columnOf(options.targetTemplate, columns) ?? ''}
          options={columnChoices}
          disabled={disabled}
          placeholder="none"
          onChange={(column) => change(withTargetColumn(options, columns, column))}
        />
      </ColumnField>
      <TemplateField
        label={plain ? 'Text to learn' : 'The model answers'}
        value={options.targetTemplate}
        disabled={disabled}
        onChange={(targetTemplate) => change({ ...options, targetTemplate })}
      />
      <Text as="p" size="1" color="gray">
        <Term of="template">Templates</Term>: columns are {columns.map((column) => `{${column}}`).join(', ')}.
      </Text>
    </>
  );
}
