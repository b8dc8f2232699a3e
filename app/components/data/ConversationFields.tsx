/** @file How conversations become examples: where their turns are, which are learned, what becomes of the system turn. */
import { SegmentedControl, Text } from '@radix-ui/themes';
import type { DataOptions, DatasetReport } from '../../workers/protocol';
import { Choice } from '../ui/Choice';
import { Term } from '../ui/Term';
import { ColumnField, TemplateField } from './fields';

interface ConversationFieldsProps {
  options: DataOptions;
  report: DatasetReport;
  disabled: boolean;
  onChange: (options: DataOptions) => void;
}

const systemTurns: { value: DataOptions['systemTurn']; label: string }[] = [
  { value: 'keep', label: 'kept as it is' },
  { value: 'replace', label: 'replaced' },
  { value: 'drop', label: 'left out' },
];

export function ConversationFields({ options, report, disabled, onChange }: ConversationFieldsProps) {
  const several = options.turnColumns.length > 1;
  const names = [...new Set([...report.conversationColumns, ...(several ? [] : options.turnColumns)])];
  const together = options.turnColumns.join(' + ');
  const choices = [
    ...(several ? [{ value: together, label: together }] : []),
    ...names.map((column) => ({ value: column, label: column })),
  ];
  return (
    <>
      <ColumnField label="Conversation column">
        <Choice
          label="Conversation column"
          value={together}
          options={choices}
          disabled={disabled}
          placeholder="none"
          onChange={(column) =>
            onChange({ ...options, turnColumns: column === together ? options.turnColumns : [column] })
          }
        />
      </ColumnField>
      <div>
        <span className="field-label">
          <Term of="learnedTurns">Learned</Term>
        </span>
        <SegmentedControl.Root
          size="1"
          className="narrow-segments"
          value={options.learnedTurns}
          disabled={disabled}
          aria-label="Learned turns"
          onValueChange={(turns) =>
            onChange({ ...options, learnedTurns: turns as DataOptions['learnedTurns'] })
          }
        >
          <SegmentedControl.Item value="last">Last answer</SegmentedControl.Item>
          <SegmentedControl.Item value="all">All answers</SegmentedControl.Item>
        </SegmentedControl.Root>
      </div>
      <ColumnField label="System turn">
        <Choice
          label="System turn"
          value={options.systemTurn}
          options={systemTurns}
          disabled={disabled}
          onChange={(systemTurn) => onChange({ ...options, systemTurn })}
        />
      </ColumnField>
      {options.systemTurn === 'replace' && (
        <>
          <TemplateField
            label="System text"
            value={options.systemText}
            placeholder="none"
            disabled={disabled}
            onChange={(systemText) => onChange({ ...options, systemText })}
          />
          <Text as="p" size="1" color="gray">
            It stands at the beginning of every conversation.
          </Text>
        </>
      )}
    </>
  );
}
