/** @file Where the data come from: a file of the person's own, a dataset of the Hub, or one of the samples. */
import { Button, Text, TextField } from '@radix-ui/themes';
import { type ChangeEvent, type FormEvent, useId, useState } from 'react';
import { openHubDataset, openSample } from '../../session/actions/data';
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
      <HubDataset disabled={disabled} />
      <Samples disabled={disabled} />
    </div>
  );
}

function HubDataset({ disabled }: { disabled: boolean }) {
  const [text, setText] = useState('');
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void openHubDataset(text);
  };
  return (
    <form onSubmit={submit} className="hub-dataset" noValidate>
      <label htmlFor={id} className="field-label">
        or a dataset of the Hugging Face Hub
      </label>
      <div className="hub-dataset-line">
        <TextField.Root
          id={id}
          size="2"
          value={text}
          onChange={(event) => setText(event.target.value)}
          placeholder="owner/name"
          autoComplete="off"
          spellCheck={false}
          disabled={disabled}
        />
        <Button type="submit" variant="soft" disabled={disabled || text.trim() === ''}>
          Open
        </Button>
      </div>
    </form>
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
