/** @file Any input, answered side by side: by the bare model, after words, and with the prompt. */
import { Button, Text, TextArea } from '@radix-ui/themes';
import { type KeyboardEvent, useId, useState } from 'react';
import { cancelGenerate, generate } from '../../session/actions/playground';
import { useStudio } from '../../session/store';
import type { PreviewExample } from '../../workers/protocol';
import { ErrorNote } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';
import { NumberBox } from '../ui/NumberBox';
import { Panel } from '../ui/Panel';
import { Term } from '../ui/Term';
import { AnswerRegion } from './AnswerRegion';

export function TryPanel() {
  const [input, setInput] = useState('');
  const [hardPrompt, setHardPrompt] = useState('');
  const [sampling, setSampling] = useState({ maxTokens: 48, temperature: 0, topP: 1, seed: 1 });
  const example = useNextExample(setInput);
  const model = useStudio((state) => state.model.report !== null);
  const { running, error, columns, answers, prompt: answering } = useStudio((state) => state.playground);
  const prompt = useStudio((state) => state.prompt.report);
  const [faults, setFaults] = useState<Record<string, string | null>>({});
  const fault = Object.values(faults).find((one) => one !== null) ?? null;
  const ready = model && input.trim() !== '' && !running && fault === null;
  const ask = () => {
    if (ready) void generate({ input, hardPrompt, ...sampling });
  };
  const askOnCtrlEnter = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    ask();
  };
  const hard = hardPrompt.trim() !== '' || columns.includes('hard');
  return (
    <Panel title="Try it" className="panel-try">
      <div className="try-form">
        <TryText
          label="Input"
          value={input}
          onChange={setInput}
          onKeyDown={askOnCtrlEnter}
          placeholder={example ? 'Type any input, or take an example' : 'Type any input'}
        />
        <TryText
          label={<Term of="hardPrompt">Prompt in words</Term>}
          note="(optional, to compare)"
          value={hardPrompt}
          onChange={setHardPrompt}
          onKeyDown={askOnCtrlEnter}
          placeholder="An instruction to put before it"
        />
      </div>
      <div className="row">
        <Button onClick={ask} disabled={!ready} title="Ctrl + Enter">
          Generate
        </Button>
        {running && (
          <Button variant="soft" color="gray" onClick={cancelGenerate}>
            Cancel
          </Button>
        )}
        {example && (
          <Button variant="soft" color="gray" onClick={example} disabled={running}>
            Use an example
          </Button>
        )}
        {(!model || fault) && (
          <Text size="2" color="gray">
            {model ? 'A number under Sampling needs another value.' : 'The model is not there yet.'}
          </Text>
        )}
      </div>
      {error && <ErrorNote error={error} />}
      <div className={`answers ${hard ? 'answers-three' : ''}`}>
        <AnswerRegion label="Without prompt" answer={answers.without} waiting={running} />
        {hard && (
          <AnswerRegion
            label="Prompt in words"
            answer={answers.hard}
            waiting={running && columns.includes('hard')}
          />
        )}
        <AnswerRegion
          label="With prompt"
          note={(answering ?? prompt)?.name}
          outdated={answering !== null && answering.id !== prompt?.id}
          answer={answers.with}
          waiting={running && columns.includes('with')}
          absent={prompt ? undefined : 'No prompt yet: train one, or drop a prompt file.'}
        />
      </div>
      <Fold
        title="Sampling"
        aside={sampling.temperature === 0 ? 'likeliest token' : `temperature ${sampling.temperature}`}
      >
        <div className="stack settings">
          <NumberBox
            label="Most new tokens"
            rule={{ min: 1, max: 2048, whole: true }}
            value={sampling.maxTokens}
            onValue={(maxTokens) => setSampling({ ...sampling, maxTokens })}
            onFault={(fault) => setFaults((before) => ({ ...before, maxTokens: fault }))}
          />
          <NumberBox
            label={<Term of="temperature">Temperature</Term>}
            rule={{ min: 0, max: 5, whole: false }}
            step={0.1}
            value={sampling.temperature}
            onValue={(temperature) => setSampling({ ...sampling, temperature })}
            onFault={(fault) => setFaults((before) => ({ ...before, temperature: fault }))}
          />
          <NumberBox
            label={<Term of="topP">Top p</Term>}
            rule={{ min: 0.01, max: 1, whole: false }}
            step={0.05}
            value={sampling.topP}
            onValue={(topP) => setSampling({ ...sampling, topP })}
            onFault={(fault) => setFaults((before) => ({ ...before, topP: fault }))}
          />
          <NumberBox
            label="Draw"
            help={
              <Text as="p" size="1" color="gray">
                Another number draws other answers; it does nothing at temperature 0.
              </Text>
            }
            rule={{ min: 0, max: 2_147_483_647, whole: true }}
            value={sampling.seed}
            onValue={(seed) => setSampling({ ...sampling, seed })}
            onFault={(fault) => setFaults((before) => ({ ...before, seed: fault }))}
          />
        </div>
      </Fold>
    </Panel>
  );
}

/** Fills the box with one example of the data after another; null while there are none. */
function useNextExample(fill: (input: string) => void): (() => void) | null {
  const [next, setNext] = useState(0);
  const preview = useStudio((state) => state.data.report?.preview);
  const usable = preview?.filter((example) => example.input.trim() !== '') ?? [];
  if (usable.length === 0) return null;
  return () => {
    fill(asked(usable[next % usable.length]).trimEnd());
    setNext(next + 1);
  };
}

/** Of a conversation what the user says last: what is typed here is a turn of the user. */
function asked({ input, turns }: PreviewExample): string {
  return turns?.findLast(({ role }) => role === 'user')?.text ?? input;
}

interface TryTextProps {
  label: React.ReactNode;
  note?: string;
  value: string;
  onChange: (value: string) => void;
  onKeyDown: (event: KeyboardEvent) => void;
  placeholder: string;
}

function TryText({ label, note, value, onChange, onKeyDown, placeholder }: TryTextProps) {
  const id = useId();
  return (
    <div className="try-text">
      <div>
        <label htmlFor={id} className="field-label">
          {label}
        </label>{' '}
        {note && (
          <Text size="1" color="gray">
            {note}
          </Text>
        )}
      </div>
      <TextArea
        id={id}
        rows={2}
        resize="vertical"
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
        placeholder={placeholder}
      />
    </div>
  );
}
