/** @file The prompt as a thing: take it away as a file, or bring one. */
import { ChevronDownIcon, DownloadIcon } from '@radix-ui/react-icons';
import { Button, DropdownMenu, IconButton, Text } from '@radix-ui/themes';
import { type ChangeEvent, useId } from 'react';
import { cancelImport, dismissPromptError, downloadPrompt, importPrompt } from '../../session/actions/prompt';
import { promptExtensions } from '../../session/droppedFiles';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { ErrorNote } from '../ui/ErrorNote';
import { Panel } from '../ui/Panel';
import { ProgressLine } from '../ui/ProgressLine';
import { Term } from '../ui/Term';
import { PromptCard } from './PromptCard';

export function PromptPanel() {
  const { report, busy, importing, error } = useStudio((state) => state.prompt);
  return (
    <Panel title="Prompt" aside={report ? `${report.virtualTokens} virtual tokens` : undefined}>
      <div className="row row-tight">
        <Button onClick={() => downloadPrompt('peft')} disabled={!report || busy !== null}>
          <DownloadIcon aria-hidden /> Download prompt
        </Button>
        <OtherFormats disabled={!report || busy !== null} prefix={report?.kind === 'prefix'} />
        <ImportButton />
      </div>
      {importing && <Importing name={importing} />}
      {error && <ErrorNote error={error} onDismiss={dismissPromptError} />}
      {report ? (
        <PromptCard report={report} />
      ) : (
        <Text as="p" size="1" color="gray">
          Once trained, it is a zip that loads in <Term of="peft">PEFT</Term>. Such a file dropped here can be
          tried, or trained further.
        </Text>
      )}
    </Panel>
  );
}

/** A prompt file waits for the model that it is for. */
function Importing({ name }: { name: string }) {
  const waits = useStudio(({ model }) => model.report === null || model.loading !== null);
  return (
    <div className="stack stack-start">
      <ProgressLine
        label={waits ? `${name} opens as soon as the model is ready` : `Opening ${name}`}
        share={null}
      />
      <Button size="1" variant="soft" color="gray" onClick={cancelImport}>
        Cancel opening
      </Button>
    </div>
  );
}

function OtherFormats({ disabled, prefix }: { disabled: boolean; prefix: boolean }) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger disabled={disabled}>
        <IconButton variant="soft" aria-label="Other file formats">
          <ChevronDownIcon />
        </IconButton>
      </DropdownMenu.Trigger>
      <DropdownMenu.Content>
        <DropdownMenu.Item onSelect={() => downloadPrompt('peft')}>PEFT adapter (zip)</DropdownMenu.Item>
        {prefix ? (
          <DropdownMenu.Item onSelect={() => downloadPrompt('cartridge')}>
            PEFT cartridge (zip)
          </DropdownMenu.Item>
        ) : (
          <DropdownMenu.Item onSelect={() => downloadPrompt('kobold')}>
            KoboldAI soft prompt (zip)
          </DropdownMenu.Item>
        )}
        <DropdownMenu.Item onSelect={() => downloadPrompt('npy')}>NumPy array (npy)</DropdownMenu.Item>
        <DropdownMenu.Item onSelect={() => downloadPrompt('json')}>JSON</DropdownMenu.Item>
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  );
}

function ImportButton() {
  const id = useId();
  const busy = useStudio((state) => state.prompt.busy === 'downloading');
  const running = useStudio((state) => isRunning(state.run));
  const disabled = busy || running;
  const choose = (event: ChangeEvent<HTMLInputElement>) => {
    const files = [...(event.target.files ?? [])];
    event.target.value = '';
    if (files.length > 0) void importPrompt(files);
  };
  return (
    <label htmlFor={id} className={`file-button ${disabled ? 'is-disabled' : ''}`}>
      <input
        id={id}
        type="file"
        multiple
        aria-label="Prompt file"
        accept={promptExtensions.join(',')}
        disabled={disabled}
        onChange={choose}
      />
      Prompt file…
    </label>
  );
}
