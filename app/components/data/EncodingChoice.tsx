/** @file How the characters of a text file were read, where its bytes allow other readings. */
import { Text } from '@radix-ui/themes';
import { chooseEncoding } from '../../session/actions/data';
import type { DatasetReport } from '../../workers/protocol';
import { Choice } from '../ui/Choice';
import { ColumnField } from './fields';

interface EncodingChoiceProps {
  encoding: NonNullable<DatasetReport['encoding']>;
  disabled: boolean;
}

export function EncodingChoice({ encoding, disabled }: EncodingChoiceProps) {
  return (
    <div>
      <ColumnField label="Text encoding">
        <Choice
          label="Text encoding"
          value={encoding.chosen}
          options={encoding.candidates.map((label) => ({ value: label, label }))}
          disabled={disabled}
          onChange={(label) => void chooseEncoding(label)}
        />
      </ColumnField>
      <Text as="p" size="1" color="gray">
        Guessed from the bytes. If letters look wrong, choose another.
      </Text>
    </div>
  );
}
