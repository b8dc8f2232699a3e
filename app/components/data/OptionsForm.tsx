/** @file How rows become examples: columns, templates, split. Changes show in the preview a moment later. */
import { Checkbox, SegmentedControl, Switch, Text } from '@radix-ui/themes';
import { useEffect, useId, useRef, useState } from 'react';
import { draftOptions, faultOption, setDataOptions } from '../../session/actions/data';
import { useStudio } from '../../session/store';
import { withKind } from '../../session/templates';
import type { DataOptions, DatasetReport, StudioError } from '../../workers/protocol';
import { ErrorNote } from '../ui/ErrorNote';
import { NumberBox } from '../ui/NumberBox';
import { Term } from '../ui/Term';
import { ConversationFields } from './ConversationFields';
import { TemplateField } from './fields';
import { SplitFields } from './SplitFields';
import { TemplateFields } from './TemplateFields';

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
  const conversations = report.conversationColumns.length > 0 || options.kind === 'conversation';
  const chatModel = useStudio((state) => state.model.report?.chat ?? false);
  return (
    <fieldset disabled={disabled} className="stack options-form">
      <legend className="visually-hidden">Columns and split</legend>
      <SegmentedControl.Root
        size="1"
        className="narrow-segments"
        value={options.kind}
        disabled={disabled}
        aria-label="Kind of data"
        onValueChange={(kind) => change(withKind(options, report, kind as DataOptions['kind']))}
      >
        <SegmentedControl.Item value="inputTarget">Input and target</SegmentedControl.Item>
        <SegmentedControl.Item value="plainText">Plain text</SegmentedControl.Item>
        {conversations && <SegmentedControl.Item value="conversation">Conversations</SegmentedControl.Item>}
      </SegmentedControl.Root>
      {plain && (
        <Text as="p" size="1" color="gray">
          <Term of="plainText">Plain text</Term>: the model learns to continue it.
        </Text>
      )}
      {options.kind === 'conversation' ? (
        <ConversationFields options={options} report={report} disabled={disabled} onChange={change} />
      ) : (
        <TemplateFields options={options} columns={columns} disabled={disabled} onChange={change} />
      )}
      {chatModel && !plain && <ChatFields options={options} disabled={disabled} onChange={change} />}
      {error && <ErrorNote error={error} />}
      {!plain && (
        <Text as="label" size="2" className="check">
          <Checkbox
            checked={options.joinLabels}
            disabled={disabled}
            onCheckedChange={(checked) => change({ ...options, joinLabels: checked === true })}
          />
          Answers that differ only in case, outer spaces or a closing dot count as one
        </Text>
      )}
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
      <SplitFields options={options} report={report} disabled={disabled} onChange={change} />
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
            {options.kind === 'conversation' ? (
              <>
                <Term of="chatFormat">turns</Term> as this model writes them
              </>
            ) : (
              <>
                input as the user’s <Term of="chatFormat">turn</Term>, target as the answer
              </>
            )}
          </Text>
        </Text>
      </div>
      {options.chat && options.kind !== 'conversation' && (
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
