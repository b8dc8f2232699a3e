/** @file One of a few, chosen from a list that opens. */
import { Select } from '@radix-ui/themes';

interface ChoiceProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly { value: Value; label: string; disabled?: boolean }[];
  onChange: (value: Value) => void;
  disabled?: boolean;
  id?: string;
  placeholder?: string;
}

export function Choice<Value extends string>(props: ChoiceProps<Value>) {
  return (
    <Select.Root
      size="2"
      value={props.value}
      onValueChange={(value) => props.onChange(value as Value)}
      disabled={props.disabled}
    >
      <Select.Trigger
        aria-label={props.label}
        id={props.id}
        placeholder={props.placeholder}
        className="choice"
      />
      <Select.Content position="popper">
        {props.options.map((option) => (
          <Select.Item key={option.value} value={option.value} disabled={option.disabled}>
            {option.label}
          </Select.Item>
        ))}
      </Select.Content>
    </Select.Root>
  );
}
