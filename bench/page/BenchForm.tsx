/** @file What a person can choose before a benchmark. */
import { Button, Checkbox, Text } from '@radix-ui/themes';
import { type ReactNode, useId, useState } from 'react';
import { Choice } from '../../app/components/ui/Choice';
import { NumberBox } from '../../app/components/ui/NumberBox';
import { DEFAULT_WORKLOAD, type Workload } from '../workload';
import type { PageSettings } from './messages';

interface BenchFormProps {
  running: boolean;
  onRun: (settings: PageSettings) => void;
  onCancel: () => void;
}

const models: { value: PageSettings['model']; label: string }[] = [
  { value: 'embedded', label: 'Embedded' },
  { value: 'gpt2', label: 'GPT-2' },
  { value: 'smollm2-135m', label: 'SmolLM2 135M' },
  { value: 'qwen2.5-0.5b', label: 'Qwen2.5 0.5B' },
];

const engines: { value: PageSettings['engine']; label: string }[] = [
  { value: 'webgpu', label: 'Graphics adapter' },
  { value: 'wasm', label: 'Processor' },
];

const sizes: { name: keyof Workload; label: string }[] = [
  { name: 'batch', label: 'Texts' },
  { name: 'length', label: 'Tokens a text' },
  { name: 'prompt', label: 'Virtual tokens' },
  { name: 'labels', label: 'Label tokens' },
];

const most = 4096;

export function BenchForm({ running, onRun, onCancel }: BenchFormProps) {
  const [settings, setSettings] = useState<PageSettings>({
    engine: 'gpu' in navigator ? 'webgpu' : 'wasm',
    threads: null,
    model: 'embedded',
    workload: DEFAULT_WORKLOAD,
    steps: 10,
    lanes: 0,
    reference: true,
    profile: false,
  });
  const change = (part: Partial<PageSettings>) => setSettings({ ...settings, ...part });
  const { workload } = settings;
  const id = useId();
  return (
    <form
      className="bench-form"
      onSubmit={(event) => {
        event.preventDefault();
        onRun(settings);
      }}
    >
      <fieldset disabled={running} className="bench-fields">
        <legend className="visually-hidden">Benchmark settings</legend>
        <div className="field">
          <label htmlFor={`${id}-engine`} className="field-label">
            Engine
          </label>
          <Choice
            id={`${id}-engine`}
            label="Engine"
            value={settings.engine}
            options={engines}
            onChange={(engine) => change({ engine })}
            disabled={running}
          />
        </div>
        <div className="field">
          <label htmlFor={id} className="field-label">
            Model
          </label>
          <Choice
            id={id}
            label="Model"
            value={settings.model}
            options={models}
            onChange={(model) => change({ model })}
            disabled={running}
          />
        </div>
        {sizes.map(({ name, label }) => (
          <NumberBox
            key={name}
            label={label}
            value={workload[name]}
            rule={{ min: 1, max: most, whole: true }}
            onValue={(value) => change({ workload: { ...workload, [name]: value } })}
            disabled={running}
          />
        ))}
        <NumberBox
          label="Steps"
          value={settings.steps}
          rule={{ min: 1, max: 1000, whole: true }}
          onValue={(steps) => change({ steps })}
          disabled={running}
        />
        <NumberBox
          label="Prompts in one step"
          value={settings.lanes}
          rule={{ min: 0, max: 64, whole: true }}
          onValue={(lanes) => change({ lanes })}
          disabled={running}
        />
      </fieldset>
      <Text as="p" size="1" color="gray">
        Models but the embedded one are random weights in that model’s true shapes, made here: speed depends
        on nothing else, and nothing is downloaded. Prompts in one step are timed against a step for each; 0
        leaves that out.
      </Text>
      <div className="stack">
        <Check
          checked={settings.reference}
          onChange={(reference) => change({ reference })}
          disabled={running}
        >
          Plain TensorFlow.js too: slow, and needs several times the memory
        </Check>
      </div>
      <div className="row">
        <Button type="submit" disabled={running}>
          Run
        </Button>
        {running && (
          <Button type="button" variant="soft" color="gray" onClick={onCancel}>
            Cancel
          </Button>
        )}
      </div>
    </form>
  );
}

interface CheckProps {
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled: boolean;
  children: ReactNode;
}

function Check({ checked, onChange, disabled, children }: CheckProps) {
  return (
    <Text as="label" size="2" className="bench-check">
      <Checkbox checked={checked} onCheckedChange={(value) => onChange(value === true)} disabled={disabled} />
      <span>{children}</span>
    </Text>
  );
}
