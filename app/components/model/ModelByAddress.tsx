/** @file Another model: a folder in Hugging Face layout at an address. */
import { Button, Text, TextField } from '@radix-ui/themes';
import { type FormEvent, useId, useState } from 'react';
import { loadModel } from '../../session/actions/model';
import { embeddedModel, embeddedModelId, parseModelAddress } from '../../session/modelAddress';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';

export function ModelByAddress() {
  const [text, setText] = useState('');
  const [message, setMessage] = useState('');
  const id = useId();
  const busy = useStudio((state) => state.model.loading !== null || state.device.report === null);
  const running = useStudio((state) => isRunning(state.run));
  const present = useStudio((state) => state.model.report?.id);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const address = parseModelAddress(text, document.baseURI);
    if ('message' in address) return setMessage(address.message);
    setMessage('');
    void loadModel(address);
  };
  return (
    <form onSubmit={submit} className="stack" noValidate>
      <label htmlFor={id} className="field-label">
        Model folder
      </label>
      <div className="row row-tight">
        <TextField.Root
          id={id}
          className="grow"
          value={text}
          onChange={(event) => setText(event.target.value)}
          placeholder="owner/model or https://…"
          aria-describedby={`${id}-help`}
          aria-invalid={message !== ''}
          autoComplete="off"
          spellCheck={false}
        />
        <Button type="submit" variant="soft" disabled={busy || running}>
          Load
        </Button>
      </div>
      {message && (
        <Text as="p" size="1" color="red" role="alert">
          {message}
        </Text>
      )}
      <Text as="p" size="1" color="gray" id={`${id}-help`}>
        A Hugging Face name, or the address of a folder with config.json, tokenizer.json and
        model.safetensors.
        {running ? ' Stop the run first.' : ' A run that is on the page ends with its model.'}
      </Text>
      {present && present !== embeddedModelId && (
        <Button
          type="button"
          size="1"
          variant="soft"
          color="gray"
          disabled={busy || running}
          onClick={() => loadModel(embeddedModel(document.baseURI))}
        >
          Back to the embedded model
        </Button>
      )}
    </form>
  );
}
