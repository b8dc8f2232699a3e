/** @file Where the data come from: a file of the person's own, or one of the samples. */
import { Text } from '@radix-ui/themes';
import { type ChangeEvent, useId } from 'react';
import { openSample } from '../../session/actions/data';
import { receiveFiles } from '../../session/actions/receive';
import { datasetExtensions } from '../../session/droppedFiles';
import { placedFiles } from '../../session/modelFiles';
import { useStudio } from '../../session/store';

export function DatasetSource({ disabled }: { disabled: boolean }) {
  const id = useId();
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const files = [...(event.target.files ?? [])];
    // The same file chosen again, edited meanwhile, is a change too.
    event.target.value = '';
    if (files.length > 0) void receiveFiles(placedFiles(files));
  };
  return (
    <div className="stack">
      <label className={`file-drop ${disabled ? 'is-disabled' : ''}`} htmlFor={id}>
        <input
          id={id}
          type="file"
          multiple
          aria-label="Dataset file"
          aria-describedby={`${id}-help`}
          accept={datasetExtensions.join(',')}
          onChange={choose}
          disabled={disabled}
        />
        <Text size="2" weight="medium">
          Dataset file
        </Text>
        <Text size="1" color="gray" id={`${id}-help`}>
          {disabled
            ? 'Stop or pause the run to change the data.'
            : 'Choose one, or several that belong together (train and test), or drop them anywhere: CSV, TSV, JSON, JSONL, Parquet, Arrow, XLSX, text. They stay on this machine.'}
        </Text>
      </label>
      <Samples disabled={disabled} />
    </div>
  );
}

function Samples({ disabled }: { disabled: boolean }) {
  const samples = useStudio((state) => state.data.samples);
  const inUse = useStudio((state) => state.data.sample?.id);
  const id = useId();
  if (!samples || samples.length === 0) return null;
  return (
    <div>
      <Text as="p" size="1" color="gray" id={id} className="samples-lead">
        or begin with a sample:
      </Text>
      <ul className="samples" aria-labelledby={id}>
        {samples.map((sample) => (
          <li key={sample.id}>
            <button
              type="button"
              className="sample"
              title={sample.description}
              aria-pressed={sample.id === inUse}
              disabled={disabled}
              onClick={() => openSample(sample)}
            >
              {sample.title}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
