/** @file Any input, answered side by side: by the bare model, after words, and with the prompt. */
import { Button, Text, TextArea } from '@radix-ui/themes';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { cancelGenerate, generate, tryExample } from '../../session/actions/playground';
import { askedText } from '../../session/askedText';
import type { AskedExample } from '../../session/state';
import { useStudio } from '../../session/store';
import { ErrorNote } from '../ui/ErrorNote';
import { Fold } from '../ui/Fold';
import { NumberBox } from '../ui/NumberBox';
import { Panel } from '../ui/Panel';
import { Term } from '../ui/Term';
import { AnswerRegion } from './AnswerRegion';
import { Feedback } from './Feedback';
import { NextRound } from './NextRound';

export function TryPanel() {
  const [input, setInput] = useState('');
  const [hardPrompt, setHardPrompt] = useState('');
  const [sampling, setSampling] = useState({ maxTokens: 48, temperature: 0, topP: 1, seed: 1 });
  const form = useRef<HTMLDivElement>(null);
  const taken = useTakenExample(setInput, form);
  const next = useNextExample();
  const wanted = taken !== null && taken.input === input ? taken.wanted : null;
  const model = useStudio((state) => state.model.report !== null);
  const {
    running,
    error,
    columns,
    answers,
    asked,
    prompt: answering,
  } = useStudio((state) => state.playground);
  const prompt = useStudio((state) => state.prompt.report);
  const [faults, setFaults] = useState<Record<string, string | null>>({});
  const fault = Object.values(faults).find((one) => one !== null) ?? null;
  const ready = model && input.trim() !== '' && !running && fault === null;
  const ask = () => {
    if (ready) void generate({ input, wanted, hardPrompt, ...sampling });
  };
  const askOnCtrlEnter = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    ask();
  };
  const hard = hardPrompt.trim() !== '' || columns.includes('hard');
  return (
    <Panel title="Try it" className="panel-try">
      <div className="try-form" ref={form}>
        <TryText
          label="Input"
          value={input}
          onChange={setInput}
          onKeyDown={askOnCtrlEnter}
          placeholder={next ? 'Type any input, or take an example' : 'Type any input'}
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
        {next && (
          <Button variant="soft" color="gray" onClick={next} disabled={running}>
            Use an example
          </Button>
        )}
        {(!model || fault) && (
          <Text size="2" color="gray">
            {model ? 'A number under Sampling needs another value.' : 'The model is not there yet.'}
          </Text>
        )}
      </div>
      {wanted !== null && (
        <Text as="p" size="2" color="gray">
          Wanted: <span className="try-wanted">{wanted.trim()}</span>
        </Text>
      )}
      {error && <ErrorNote error={error} />}
      <div className={`answers ${hard ? 'answers-three' : ''}`}>
        <AnswerRegion
          label="Without prompt"
          answer={answers.without}
          wanted={asked?.wanted}
          waiting={running}
        />
        {hard && (
          <AnswerRegion
            label="Prompt in words"
            answer={answers.hard}
            wanted={asked?.wanted}
            waiting={running && columns.includes('hard')}
          />
        )}
        <AnswerRegion
          label="With prompt"
          note={(answering ?? prompt)?.name}
          outdated={answering !== null && answering.id !== prompt?.id}
          answer={answers.with}
          wanted={asked?.wanted}
          waiting={running && columns.includes('with')}
          absent={prompt ? undefined : 'No prompt yet: train one, or drop a prompt file.'}
        >
          <Feedback />
        </AnswerRegion>
      </div>
      <NextRound />
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

/** The row that was last put into the box, from here or from a list of rows; the box is shown where it came from elsewhere. */
function useTakenExample(
  fill: (input: string) => void,
  form: React.RefObject<HTMLDivElement | null>,
): AskedExample | null {
  const example = useStudio((state) => state.playground.example);
  const seen = useRef(example?.id ?? 0);
  useEffect(() => {
    if (!example || example.id === seen.current) return;
    seen.current = example.id;
    fill(example.input);
    form.current?.scrollIntoView({ block: 'nearest' });
    form.current?.querySelector('textarea')?.focus({ preventScroll: true });
  }, [example, fill, form]);
  return example;
}

/** Puts one example after another into the box, those kept out of training first; null while there are none. */
function useNextExample(): (() => void) | null {
  const [next, setNext] = useState(0);
  const preview = useStudio((state) => state.data.report?.preview);
  const template = useStudio((state) => state.data.report?.options.inputTemplate ?? '');
  const held = useStudio((state) => state.run?.answers?.rows);
  const usable = [...(held ?? []), ...(preview ?? [])].filter((example) => example.input.trim() !== '');
  if (usable.length === 0) return null;
  return () => {
    const example = usable[next % usable.length];
    tryExample({ input: askedText(example, template), wanted: example.target });
    setNext(next + 1);
  };
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
