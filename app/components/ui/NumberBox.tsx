/** @file A number to type: native spin button, its range said, what is wrong said beside it. */
import { Text, TextField } from '@radix-ui/themes';
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { arrowStep, type NumberRule, numberText, parseNumber } from '../../session/settings';

interface NumberInputProps {
  /** What stands before the box; its text is the box's name. */
  label: ReactNode;
  text: string;
  onText: (text: string) => void;
  onBlur?: () => void;
  rule: NumberRule;
  /** One press of an arrow key. */
  step: number;
  error?: string;
  /** Below the box. */
  help?: ReactNode;
  unit?: string;
  placeholder?: string;
  disabled?: boolean;
}

/** Shows whatever text it is given; the parent keeps it. */
export function NumberInput(props: NumberInputProps) {
  const id = useId();
  const { label, text, rule, step, error, help, disabled } = props;
  return (
    <div className="field">
      <label htmlFor={id} className="field-label">
        {label}
      </label>
      <TextField.Root
        id={id}
        type="number"
        inputMode={rule.whole ? 'numeric' : 'decimal'}
        // Arrow keys count from `min`: from 0 they keep to round numbers.
        min={rule.whole ? rule.min : 0}
        max={rule.max}
        step={rule.whole ? 1 : step}
        value={text}
        placeholder={props.placeholder}
        disabled={disabled}
        onChange={(event) => props.onText(event.target.value)}
        onBlur={props.onBlur}
        onWheel={(event) => event.currentTarget.blur()}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}-help`}
        color={error ? 'red' : undefined}
        className="field-number numbers"
      >
        {props.unit && <TextField.Slot side="right">{props.unit}</TextField.Slot>}
      </TextField.Root>
      <div id={`${id}-help`} className="field-help">
        {error && (
          <Text as="p" size="1" color="red" role="alert">
            {error}
          </Text>
        )}
        {help}
      </div>
    </div>
  );
}

interface NumberBoxProps extends Omit<NumberInputProps, 'text' | 'onText' | 'step' | 'error' | 'onBlur'> {
  value: number;
  onValue: (value: number) => void;
  /** Hears what is wrong with the text as it stands, null once nothing is; without it the last good number comes back on leaving. */
  onFault?: (fault: string | null) => void;
  step?: number;
}

/** Keeps what is typed; the parent hears of a number in range, and of what is wrong with any other text. */
export function NumberBox({ value, onValue, onFault, step, ...rest }: NumberBoxProps) {
  const [text, setText] = useState(numberText(value));
  const parsed = parseNumber(text, rest.rule);
  const error = 'message' in parsed ? parsed.message : undefined;
  useEffect(() => {
    setText((before) => (Number(before) === value && before !== '' ? before : numberText(value)));
  }, [value]);
  const tell = useRef(onFault);
  tell.current = onFault;
  useEffect(() => tell.current?.(error ?? null), [error]);
  return (
    <NumberInput
      {...rest}
      text={text}
      step={step ?? arrowStep(value, rest.rule)}
      error={error}
      onText={(next) => {
        setText(next);
        const number = parseNumber(next, rest.rule);
        if ('value' in number && number.value !== value) onValue(number.value);
      }}
      onBlur={() => {
        if (error && !onFault) setText(numberText(value));
      }}
    />
  );
}
