/** @file Weights in 8 bits: what is gained, what is lost. */
import { Checkbox, Text } from '@radix-ui/themes';

export function Int8Choice({
  checked,
  onChange,
}: {
  checked: boolean;
  onChange: (checked: boolean) => void;
}) {
  return (
    <Text as="label" size="2" className="check">
      <Checkbox checked={checked} onCheckedChange={(next) => onChange(next === true)} />
      <span>
        8-bit weights{' '}
        <Text size="1" color="gray">
          about half the memory of 16-bit ones, rounded in groups that share a scale; answers change a little,
          and how much can be measured on your own rows afterwards
        </Text>
      </span>
    </Text>
  );
}
