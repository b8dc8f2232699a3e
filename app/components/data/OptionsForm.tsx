/** @file How rows become examples: columns, templates, split. Changes show in the preview a moment later. */
import { Checkbox, SegmentedControl, Switch, Text, TextArea } from '@radix-ui/themes';
import { type ChangeEvent, useEffect, useId, useRef, useState } from 'react';
import {
  addValidation,
  canAddValidation,
  draftOptions,
  faultOption,
  setDataOptions,
} from '../../session/actions/data';
import { useStudio } from '../../session/store';
import { columnOf, withInputColumn, withKind, withTargetColumn } from '../../session/templates';
import type { DataOptions, DatasetReport, StudioError } from '../../workers/protocol';
import { Choice } from '../ui/Choice';
import { ErrorNote } from '../ui/ErrorNote';
import { NumberBox } from '../ui/NumberBox';
import { Term } from '../ui/Term';

/** Long enough that a word is typed, short enough to feel live. */
const DEBOUNCE = 300;

interface OptionsFormProps {
  report: DatasetReport;
  /** Why the options as they stand cannot be used. */
  error: StudioError | null;
  disabled: boolean;
}

export function OptionsForm({ report, error, disabled }: OptionsFormProps) {
  const [options, change] = useDraft(report.options);
  const { columns } = report;
  const plain = options.kind === 'plainText';
  const chatModel = useStudio((state) => state.model.report?.chat ?? false);
  const columnChoices = columns.map((column) => ({ value: column, label: column }));
  return (
    <fieldset disabled={disabled} className="stack options-form">
      <legend className="visually-hidden">Columns and split</legend>
      <SegmentedControl.Root
        size="1"
        value={options.kind}
        disabled={disabled}
        aria-label="Kind of data"
        onValueChange={(kind) => change(withKind(options, columns, kind as DataOptions['kind']))}
      >
        <SegmentedControl.Item value="inputTarget">Input and target</SegmentedControl.Item>
        <SegmentedControl.Item value="plainText">Plain text</SegmentedControl.Item>
      </SegmentedControl.Root>
      {plain && (
        <Text as="p" size="1" color="gray">
          <Term of="plainText">Plain text</Term>: the model learns to continue it.
        </Text>
      )}
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
      {chatModel && !plain && <ChatFields options={options} disabled={disabled} onChange={change} />}
      {error && <ErrorNote error={error} />}
      <Text as="label" size="2" className="check">
        <Checkbox
          checked={options.endOfText}
          disabled={disabled}
          onCheckedChange={(checked) => change({ ...options, endOfText: checked === true })}
        />
        End the answer with the end-of-text token, so that the model learns to stop
      </Text>
      <NumberBox
        label="Longest example"
        unit="tokens"
        rule={{ min: 4, max: 100_000, whole: true }}
        value={options.maxTokens}
        disabled={disabled}
        onValue={(maxTokens) => change({ ...options, maxTokens })}
        onFault={(fault) => faultOption('Longest example', fault)}
      />
      {!report.validationFile && (
        <>
          <NumberBox
            label="Kept for validation"
            unit="%"
            rule={{ min: 0, max: 90, whole: true }}
            value={Math.round(options.validationShare * 100)}
            disabled={disabled}
            onValue={(share) => change({ ...options, validationShare: share / 100 })}
            onFault={(fault) => faultOption('Kept for validation', fault)}
          />
          <NumberBox
            label="Split seed"
            rule={{ min: 0, max: 2_147_483_647, whole: true }}
            value={options.splitSeed}
            disabled={disabled}
            onValue={(splitSeed) => change({ ...options, splitSeed })}
            onFault={(fault) => faultOption('Split seed', fault)}
          />
        </>
      )}
      {canAddValidation() && <ValidationFile has={report.validationFile} disabled={disabled} />}
    </fieldset>
  );
}

interface ChatFieldsProps {
  options: DataOptions;
  disabled: boolean;
  onChange: (options: DataOptions) => void;
}

/** For models with a chat template: each example as a turn and its answer. */
function ChatFields({ options, disabled, onChange }: ChatFieldsProps) {
  const id = useId();
  return (
    <>
      <div className="check">
        <Switch
          size="1"
          id={id}
          checked={options.chat}
          disabled={disabled}
          onCheckedChange={(chat) => onChange({ ...options, chat })}
        />
        <Text size="2">
          <label htmlFor={id}>Chat format</label>{' '}
          <Text size="1" color="gray">
            input as the user’s <Term of="chatFormat">turn</Term>, target as the answer
          </Text>
        </Text>
      </div>
      {options.chat && (
        <TemplateField
          label="System text"
          value={options.systemText}
          placeholder="none"
          disabled={disabled}
          onChange={(systemText) => onChange({ ...options, systemText })}
        />
      )}
    </>
  );
}

/** What is being edited, sent after a pause; the answer takes its place unless more was typed meanwhile. */
function useDraft(answered: DataOptions): [DataOptions, (options: DataOptions) => void] {
  const [draft, setDraft] = useState<DataOptions | null>(null);
  const waiting = useRef<ReturnType<typeof setTimeout> | null>(null);
  const seen = useRef(answered);
  useEffect(() => {
    if (seen.current === answered) return;
    seen.current = answered;
    if (waiting.current === null) setDraft(null);
  }, [answered]);
  useEffect(() => () => clearTimeout(waiting.current ?? undefined), []);
  const change = (options: DataOptions) => {
    setDraft(options);
    draftOptions();
    clearTimeout(waiting.current ?? undefined);
    waiting.current = setTimeout(() => {
      waiting.current = null;
      void setDataOptions(options);
    }, DEBOUNCE);
  };
  return [draft ?? answered, change];
}

function ColumnField({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div className="field">
      <span className="field-label" aria-hidden>
        {label}
      </span>
      {children}
    </div>
  );
}

interface TemplateFieldProps {
  label: string;
  value: string;
  disabled: boolean;
  placeholder?: string;
  onChange: (value: string) => void;
}

function TemplateField({ label, value, disabled, placeholder, onChange }: TemplateFieldProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id} className="field-label">
        {label}
      </label>
      <TextArea
        id={id}
        size="1"
        rows={Math.min(6, value.split('\n').length)}
        resize="vertical"
        className="template"
        value={value}
        disabled={disabled}
        placeholder={placeholder}
        spellCheck={false}
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
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
