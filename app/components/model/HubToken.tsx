/** @file The access token for gated models: typed unseen, held for this visit unless the person says otherwise. */
import { Button, Checkbox, Text, TextField } from '@radix-ui/themes';
import { type FormEvent, useId, useState } from 'react';
import { forgetHubToken, setHubToken, tokenFault } from '../../session/actions/hubToken';
import { useStudio } from '../../session/store';

/** @param onUsed what was refused can be tried again */
export function HubToken({ onUsed }: { onUsed?: () => void }) {
  const { ending, remembered } = useStudio((state) => state.hub);
  const [text, setText] = useState('');
  const [keep, setKeep] = useState(remembered);
  const [fault, setFault] = useState<string | null>(null);
  const id = useId();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const found = tokenFault(text);
    setFault(found);
    if (found) return;
    setText('');
    await setHubToken(text, keep);
    onUsed?.();
  };
  return (
    <form onSubmit={submit} className="stack token-form" noValidate>
      {ending !== null && (
        <div className="row">
          <Text size="2">
            The token that ends in <code>{ending}</code> is in use,{' '}
            {remembered ? 'remembered in this browser' : 'for this visit only'}.
          </Text>
          <Button type="button" size="1" variant="soft" color="gray" onClick={forgetHubToken}>
            Forget it
          </Button>
        </div>
      )}
      <label htmlFor={id} className="field-label">
        {ending === null ? 'Hugging Face access token' : 'Another access token'}
      </label>
      <div className="row row-tight">
        <TextField.Root
          id={id}
          type="password"
          className="grow"
          value={text}
          onChange={(event) => setText(event.target.value)}
          placeholder="hf_…"
          autoComplete="off"
          spellCheck={false}
          aria-invalid={fault !== null}
          aria-describedby={`${id}-help`}
        />
        <Button type="submit" variant="soft">
          {onUsed ? 'Use it and try again' : 'Use it'}
        </Button>
      </div>
      {fault && (
        <Text as="p" size="1" color="red" role="alert">
          {fault}
        </Text>
      )}
      <Text as="label" size="2" className="check">
        <Checkbox checked={keep} onCheckedChange={(checked) => setKeep(checked === true)} />
        Remember it in this browser
      </Text>
      <Text as="p" size="1" color="gray" id={`${id}-help`}>
        It is sent to huggingface.co and nowhere else{keep ? '' : ', and forgotten when the page closes'}. A
        token that may read is enough:{' '}
        <a href="https://huggingface.co/settings/tokens" target="_blank" rel="noreferrer">
          make one there
        </a>
        .
      </Text>
    </form>
  );
}
