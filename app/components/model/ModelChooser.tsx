/** @file A window to choose a model in: search the list or name one, or take a folder or zip from this machine. */
import { Cross2Icon, MagnifyingGlassIcon } from '@radix-ui/react-icons';
import { Button, Dialog, IconButton, Text, TextField } from '@radix-ui/themes';
import { type FormEvent, type ReactNode, useId, useMemo, useState } from 'react';
import { openCatalogue } from '../../session/actions/catalogue';
import { loadModel, loadModelFiles } from '../../session/actions/model';
import { offers, search } from '../../session/catalogue';
import { useMedia } from '../../session/hooks';
import { embeddedModel, embeddedModelId, originName, parseModelAddress } from '../../session/modelAddress';
import { isRunning } from '../../session/state';
import { useStudio } from '../../session/store';
import { useResolvedSettings } from '../../session/useSettings';
import type { CatalogueModel, ModelOrigin, WeightFormat } from '../../workers/protocol';
import { ErrorNote, Note } from '../ui/ErrorNote';
import { Int8Choice } from './Int8Choice';
import { ModelFilesButtons } from './ModelFilesButtons';
import { ModelList } from './ModelList';

export function ModelChooser({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const { settings } = useResolvedSettings();
  const change = (next: boolean) => {
    setOpen(next);
    if (next) void openCatalogue(settings);
  };
  return (
    <Dialog.Root open={open} onOpenChange={change}>
      <Dialog.Trigger>{children}</Dialog.Trigger>
      <Dialog.Content align="start" maxWidth="1020px" className="model-chooser" aria-describedby={undefined}>
        <div className="panel-head chooser-head">
          <Dialog.Title size="4" mb="0">
            Choose a model
          </Dialog.Title>
          <Dialog.Close>
            <IconButton variant="ghost" color="gray" aria-label="Close">
              <Cross2Icon />
            </IconButton>
          </Dialog.Close>
        </div>
        <Chooser onChosen={() => setOpen(false)} />
      </Dialog.Content>
    </Dialog.Root>
  );
}

function Chooser({ onChosen }: { onChosen: () => void }) {
  const [text, setText] = useState('');
  const [int8, setInt8] = useState(false);
  const catalogue = useStudio((state) => state.catalogue);
  const canInt8 = useStudio((state) => state.device.report?.backend === 'webgpu');
  const refused = useRefused();
  const run = useStudio((state) => state.run !== null);
  const list = useMemo(
    () => (catalogue.stored ? offers(catalogue.stored, catalogue.int8, int8) : null),
    [catalogue, int8],
  );
  const found = useMemo(() => (list ? search(list, text) : null), [list, text]);
  const format: WeightFormat = int8 ? 'int8' : 'stored';
  const load = (origin: ModelOrigin, as: WeightFormat) => {
    onChosen();
    void loadModel(origin, as);
  };
  return (
    <div className="stack chooser">
      {refused && (
        <Note>
          <p>{refused}</p>
        </Note>
      )}
      {!refused && run && (
        <Note>
          <p>The run on the page ends with its model: download its prompt first if you want to keep it.</p>
        </Note>
      )}
      <NameField
        text={text}
        onText={setText}
        found={found?.length ?? null}
        disabled={refused !== null}
        onLoad={(origin) => load(asListed(origin, catalogue.stored), format)}
      />
      {canInt8 && <Int8Choice checked={int8} onChange={setInt8} />}
      <div className="row">
        <ModelFilesButtons
          disabled={refused !== null}
          onFiles={(files) => {
            onChosen();
            void loadModelFiles(files, format);
          }}
        />
        <EmbeddedButton disabled={refused !== null} onLoad={(origin) => load(origin, 'stored')} />
      </div>
      {catalogue.error && <ErrorNote error={catalogue.error} />}
      {!found && !catalogue.error && (
        <Text size="2" color="gray">
          Looking at what fits this device…
        </Text>
      )}
      {found && (
        <ModelList
          offers={found}
          disabled={refused !== null}
          onLoad={({ model, format: as }) =>
            load({ kind: 'hub', id: model.id, revision: model.revision }, as)
          }
        />
      )}
    </div>
  );
}

interface NameFieldProps {
  text: string;
  onText: (text: string) => void;
  /** Models of the list that the text means; null before there is a list. */
  found: number | null;
  disabled: boolean;
  onLoad: (origin: ModelOrigin) => void;
}

/** One field for both: a word searches the list, a name or an address can be loaded. */
function NameField({ text, onText, found, disabled, onLoad }: NameFieldProps) {
  const id = useId();
  const [asked, setAsked] = useState(false);
  // Where there is a keyboard one may type at once; a touch screen's would cover the list.
  const autoFocus = useMedia('(hover: hover)');
  const parsed = parseModelAddress(text, document.baseURI);
  const origin = 'message' in parsed ? null : parsed;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (disabled) return;
    setAsked(true);
    if (origin) onLoad(origin);
  };
  const fault = 'message' in parsed && text.trim() !== '' && (asked || found === 0) ? parsed.message : null;
  return (
    <form onSubmit={submit} noValidate>
      <label htmlFor={id} className="field-label">
        Search, or a name or address to load
      </label>
      <div className="row row-tight">
        <TextField.Root
          id={id}
          className="grow"
          autoFocus={autoFocus}
          value={text}
          onChange={(event) => {
            onText(event.target.value);
            setAsked(false);
          }}
          placeholder="smollm, owner/model@revision, https://…"
          aria-describedby={`${id}-help`}
          aria-invalid={fault !== null}
          autoComplete="off"
          spellCheck={false}
        >
          <TextField.Slot>
            <MagnifyingGlassIcon aria-hidden />
          </TextField.Slot>
        </TextField.Root>
        <Button type="submit" disabled={disabled || origin === null}>
          Load
        </Button>
      </div>
      <div id={`${id}-help`} aria-live="polite">
        <Text as="p" size="1" color={fault ? 'red' : 'gray'}>
          {fault ??
            (origin
              ? `Enter loads ${originName(origin)} ${origin.kind === 'hub' ? 'from huggingface.co' : 'from its address'}.`
              : text.trim() !== '' && found !== null
                ? `${found} of the list.`
                : 'Any model of these families on huggingface.co can be loaded by its name; a folder by its address.')}
        </Text>
      </div>
    </form>
  );
}

function EmbeddedButton({ disabled, onLoad }: { disabled: boolean; onLoad: (origin: ModelOrigin) => void }) {
  const present = useStudio((state) => state.model.report?.id);
  if (present === embeddedModelId) return null;
  return (
    <Button
      variant="soft"
      color="gray"
      disabled={disabled}
      onClick={() => onLoad(embeddedModel(document.baseURI))}
    >
      Embedded model
    </Button>
  );
}

/** A listed model's files may lie on a branch of their own. */
function asListed(origin: ModelOrigin, list: CatalogueModel[] | null): ModelOrigin {
  if (origin.kind !== 'hub' || origin.revision !== 'main') return origin;
  const listed = list?.find(({ id }) => id.toLowerCase() === origin.id.toLowerCase());
  return listed ? { ...origin, id: listed.id, revision: listed.revision } : origin;
}

/** Why no model can be loaded now, or null. */
function useRefused(): string | null {
  const running = useStudio((state) => isRunning(state.run));
  const device = useStudio((state) => state.device.report !== null);
  if (!device) return 'The device is not ready yet.';
  if (running) return 'A run is going on: pause or stop it first. It ends with its model.';
  return null;
}
