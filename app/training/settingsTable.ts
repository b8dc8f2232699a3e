/**
 * @file Every setting of a run, once: its name, what it may be, how it is set, and what is said of it. The page's controls,
 * the worker's door, the suggestions' reasons and the table in docs/training.md are made from it or held to it.
 */
import type { DatasetReport } from '../data/types';
import type { ModelSpec } from '../engine/spec';
import { METHODS, type MethodId } from './methods/names';
import type { Initialiser, RunSettings, Schedule, Search } from './types';

/** What a suggestion follows from. */
export interface SuggestionFacts {
  spec: Pick<ModelSpec, 'contextLength' | 'hidden' | 'layers'>;
  /** Root mean square of the embedding table's elements. */
  elementRms: number;
  dataset: Pick<DatasetReport, 'options' | 'training' | 'validation' | 'lengths' | 'classes'>;
  /** Of a sample, the words that did best of those tried on it. */
  instruction?: string | null;
  /** Whether training runs on a GPU. */
  gpu: boolean;
}

export interface Range {
  min: number;
  max: number;
  /** Only whole numbers. */
  whole: boolean;
}

interface Common {
  /** As the page, errors and docs call it. */
  label: string;
  /** As an address calls it. */
  link: string;
  /** Where its control stands; `none` has no control. */
  place: 'basic' | 'advanced' | 'none';
  /** What it is, in a sentence. */
  means: string;
  /** Which value to choose. */
  advice: string;
  /** Why the suggested value is what it is. */
  reason: (facts: SuggestionFacts, suggested: RunSettings) => string;
}

interface NumberSetting extends Common, Range {
  control: 'number';
  unit?: string;
}

interface ChoiceSetting<Value extends string> extends Common {
  control: 'choice';
  /** Values, and their words on the page. */
  choices: Readonly<Record<Value, string>>;
}

interface TextSetting extends Common {
  control: 'text';
  mostCharacters: number;
}

/** Several texts, one a line. */
interface TextsSetting extends Common {
  control: 'texts';
  mostTexts: number;
  /** Of each. */
  mostCharacters: number;
}

export type Setting = NumberSetting | ChoiceSetting<string> | TextSetting | TextsSetting;

/** The part of an embedding's size that a step moves: Adam moves an element by about the learning rate. */
export const RATE_OF_RMS = 0.2;
/** Beyond so many, more virtual tokens bring little (Lester et al. 2021, figure 3a). */
export const USUAL_VIRTUAL_TOKENS = 20;
export const USUAL_BATCH_SIZE = 16;

export const SETTINGS = {
  search: {
    label: 'Search',
    link: 'search',
    place: 'basic',
    control: 'choice',
    choices: {
      auto: 'automatic',
      none: 'train one prompt',
      rates: 'compare learning rates',
      lengths: 'compare lengths',
      starts: 'compare starts',
      methods: 'compare methods',
      seeds: 'compare seeds',
    } satisfies Record<Search, string>,
    means:
      'Whether one prompt is trained, or several side by side in the same steps, of which the best is kept.',
    advice:
      'Automatic tries lengths, learning rates and starts, and after each validation goes on with the better half. A comparison trains all to the end, for you to choose.',
    reason: (_, { search }) =>
      search === 'none'
        ? 'One at a time: with a model of this size several would take several times as long without a GPU.'
        : 'Two lengths, two learning rates and other starts; after each validation the better half goes on.',
  },
  method: {
    label: 'Method',
    link: 'method',
    place: 'advanced',
    control: 'choice',
    choices: Object.fromEntries(Object.entries(METHODS).map(([id, { label }]) => [id, label])) as Record<
      MethodId,
      string
    >,
    means:
      'What is trained: vectors before the text, directly or through something that makes them, or a prefix in every layer.',
    advice:
      'Prompt tuning is the simplest, works everywhere and did best on the hard sample. A prefix starts as exactly the words it starts from. Compare methods to see which suits your rows.',
    reason: () => 'Works with every model, and with every tool that reads soft prompts.',
  },
  virtualTokens: {
    label: 'Virtual tokens',
    link: 'tokens',
    place: 'basic',
    control: 'number',
    min: 1,
    max: 200,
    whole: true,
    means: 'How many vectors are learned, each in the place where a real token would stand.',
    advice: 'From 1 to 20 each one helps; beyond 20 little, beyond 100 it may harm.',
    reason: ({ spec, dataset }, { virtualTokens }) =>
      virtualTokens < USUAL_VIRTUAL_TOKENS
        ? `As many as fit: the longest example takes ${dataset.lengths.max} of the model's ${spec.contextLength} positions.`
        : `Enough for most tasks: more than ${USUAL_VIRTUAL_TOKENS} bring little.`,
  },
  learningRate: {
    label: 'Learning rate',
    link: 'lr',
    place: 'basic',
    control: 'number',
    min: 1e-6,
    max: 10,
    whole: false,
    means: 'How far one step moves the prompt: too small learns slowly, too large flies off.',
    advice:
      'Adam moves each number by about this much a step, so it should follow the size of the model’s embeddings (their RMS): 0.05 to 0.5 times that.',
    reason: ({ elementRms }) =>
      `${RATE_OF_RMS} of the size of this model's embeddings (${elementRms.toPrecision(2)}): a step moves the prompt by about that much.`,
  },
  steps: {
    label: 'Steps',
    link: 'steps',
    place: 'basic',
    control: 'number',
    min: 1,
    max: 100_000,
    whole: true,
    means: 'How many updates are made, each from one batch of examples.',
    advice:
      'Watch the validation loss: when it has not improved for a while, more steps only learn the training rows by heart. The best prompt is kept.',
    reason: ({ dataset: { training } }, { steps, batchSize }) =>
      `${passes((steps * batchSize) / training)} passes over ${training} training examples.`,
  },
  batchSize: {
    label: 'Batch size',
    link: 'batch',
    place: 'basic',
    control: 'number',
    min: 1,
    max: 512,
    whole: true,
    means: 'How many examples one step looks at: more is steadier and slower.',
    advice: '16 where the memory allows it.',
    reason: (_, { batchSize }) =>
      batchSize < USUAL_BATCH_SIZE
        ? 'All training examples in every step.'
        : 'Steady gradients at little cost.',
  },
  initialiser: {
    label: 'Start from',
    link: 'start',
    place: 'basic',
    control: 'choice',
    choices: {
      text: 'words about the task',
      labels: 'the answers’ words',
      examples: 'examples with their answers',
      vocabulary: 'words drawn by lot',
      random: 'random vectors',
      file: 'the imported prompt',
    } satisfies Record<Initialiser, string>,
    means: 'Where the virtual tokens start: near words that fit the task they learn faster.',
    advice:
      'Words about the task are the safe choice. Examples are training rows as the model reads them, the way to begin with few rows. Words drawn by lot are common tokens; random vectors match the mean and spread of the vocabulary; an imported prompt is gone on from.',
    reason: () => 'Words that describe the task are mostly the best start.',
  },
  initText: {
    label: 'Words to start from',
    link: 'words',
    place: 'basic',
    control: 'text',
    mostCharacters: 4000,
    means: 'The words themselves, repeated or cut to the number of virtual tokens.',
    advice: 'Name the task and its possible answers.',
    reason: ({ dataset: { classes } }) =>
      classes ? 'Made from the targets of the dataset.' : 'Made from the columns of the dataset.',
  },
  before: {
    label: 'Words before',
    link: 'before',
    place: 'advanced',
    control: 'text',
    mostCharacters: 4000,
    means: 'Words in front of the learned vectors that stay as they are, in virtual tokens of their own.',
    advice: 'A frame such as “Please”, or the beginning of a chat template’s system turn. Usually none.',
    reason: () => 'None: the learned vectors come first.',
  },
  after: {
    label: 'Words after',
    link: 'after',
    place: 'advanced',
    control: 'text',
    mostCharacters: 4000,
    means:
      'Words between the learned vectors and the text that stay as they are, in virtual tokens of their own.',
    advice: 'The end of the frame, such as a full stop, or the end of a system turn. Usually none.',
    reason: () => 'None: the text follows at once.',
  },
  instructions: {
    label: 'Your instruction',
    link: 'instructions',
    place: 'basic',
    control: 'texts',
    mostTexts: 10,
    mostCharacters: 4000,
    means: 'Words put before the input that the prompt is compared with, on rows that neither has seen.',
    advice: 'What you would tell the model; one a line to compare several. Nothing is trained by it.',
    reason: ({ instruction }) =>
      instruction ? 'The best of ten wordings tried on this sample.' : 'Names the task as the data show it.',
  },
  shots: {
    label: 'Examples in context',
    link: 'shots',
    place: 'advanced',
    control: 'number',
    min: 0,
    max: 64,
    whole: true,
    means:
      'The prompt is compared with your first instruction followed by so many training rows and their answers, too. 0 leaves that out.',
    advice:
      'As many as you would write into a prompt by hand; each makes every text longer, and the comparison slower.',
    reason: (_, { shots }) =>
      shots > 0
        ? 'What words can do at their best: the prompt has to beat that too.'
        : 'None: with a model of this size the longer texts would take minutes without a GPU.',
  },
  seed: {
    label: 'Seed',
    link: 'seed',
    place: 'basic',
    control: 'number',
    min: 0,
    max: 2 ** 32 - 1,
    whole: true,
    means: 'Fixes every random choice, so that the same settings give the same run again.',
    advice: 'Any; try another one to see how much is chance.',
    reason: () => 'Any number; the same one repeats the run.',
  },
  warmupSteps: {
    label: 'Warm-up',
    link: 'warmup',
    place: 'advanced',
    control: 'number',
    unit: 'steps',
    min: 0,
    max: 10_000,
    whole: true,
    means: 'Steps over which the learning rate rises from zero, so that the first ones do no harm.',
    advice: 'A fifteenth of the steps.',
    reason: () => 'The first steps are small, until the optimizer knows the gradient’s size.',
  },
  schedule: {
    label: 'Schedule',
    link: 'schedule',
    place: 'advanced',
    control: 'choice',
    choices: { cosine: 'cosine', linear: 'linear', constant: 'constant' } satisfies Record<Schedule, string>,
    means: 'How the learning rate falls after the warm-up.',
    advice: 'Cosine and linear end at zero, which settles the prompt.',
    reason: () => 'The learning rate falls to nothing, so that the prompt comes to rest.',
  },
  clipNorm: {
    label: 'Clip norm',
    link: 'clip',
    place: 'advanced',
    control: 'number',
    min: 0,
    max: 1000,
    whole: false,
    means: 'The longest gradient allowed; a longer one is shortened to it. 0 turns this off.',
    advice: '1 is usual.',
    reason: () => 'A single odd batch cannot throw the prompt off.',
  },
  weightDecay: {
    label: 'Weight decay',
    link: 'decay',
    place: 'advanced',
    control: 'number',
    min: 0,
    max: 1,
    whole: false,
    means: 'Pulls the prompt a little towards zero at every step.',
    advice: 'Small or 0.',
    reason: () => 'Small: it only keeps unused directions from drifting.',
  },
  noise: {
    label: 'Noise',
    link: 'noise',
    place: 'advanced',
    control: 'number',
    min: 0,
    max: 10,
    whole: false,
    means:
      'Each step learns at the prompt and at one nudged to where it does worst, so far away as this part of its length. A step takes twice as long.',
    advice: '0, or 0.05 to 0.2 where few rows are learned by heart.',
    reason: () => 'None: it makes each step twice as long, and helps only some tasks.',
  },
  validateEvery: {
    label: 'Validate every',
    link: 'every',
    place: 'advanced',
    control: 'number',
    unit: 'steps',
    min: 1,
    max: 100_000,
    whole: true,
    means: 'A validation pass is made after this many steps, and the best prompt so far is kept.',
    advice: 'Often is surer and slower: each pass costs as much as several steps.',
    reason: (_, { steps, validateEvery }) => `${Math.ceil(steps / validateEvery)} validations in the run.`,
  },
  patience: {
    label: 'Patience',
    link: 'patience',
    place: 'advanced',
    control: 'number',
    unit: 'validations',
    min: 0,
    max: 1000,
    whole: true,
    means:
      'Training ends early when so many validations in a row were no better than the best, or nearly all rows are right. 0 never ends it.',
    advice: '3; more where the validation loss jumps about.',
    reason: () => 'Enough to see that it gets no better.',
  },
  minutes: {
    label: 'Time limit',
    link: 'minutes',
    place: 'advanced',
    control: 'number',
    unit: 'minutes',
    min: 0,
    max: 10_000,
    whole: false,
    means: 'Training ends after so long with the best prompt until then. 0 sets no limit.',
    advice: '0, or as long as you want to wait.',
    reason: () => 'No limit; Stop ends it at any time, and keeps the best prompt.',
  },
  validationRows: {
    label: 'Validation rows',
    link: 'rows',
    place: 'advanced',
    control: 'number',
    min: 1,
    max: 10_000,
    whole: true,
    means: 'The most validation rows looked at in one pass: more is surer and slower.',
    advice: '200 with a GPU, 100 without one.',
    reason: ({ dataset: { validation }, gpu }, { validationRows }) =>
      validationRows < validation
        ? `Of ${validation}, so that a validation ${gpu ? 'stays short' : 'stays short without a GPU'}.`
        : 'All there are.',
  },
} as const satisfies Record<keyof RunSettings, Setting>;

export type SettingName = keyof RunSettings;
/** Settings that are numbers. */
export type NumericSetting = {
  [Name in SettingName]: (typeof SETTINGS)[Name]['control'] extends 'number' ? Name : never;
}[SettingName];

export const settingNames = Object.keys(SETTINGS) as SettingName[];
export const numericSettings = settingNames.filter(isNumeric);

export function isNumeric(name: SettingName): name is NumericSetting {
  return SETTINGS[name].control === 'number';
}

/** What a number may be, in words: “a whole number from 1 to 100,000”. */
export function rangeWords({ min, max, whole }: Range): string {
  return `${whole ? 'a whole number' : 'a number'} from ${plain(min)} to ${max.toLocaleString('en')}`;
}

/** The suggestion's reasons, in words. */
export function reasonsFor(facts: SuggestionFacts, suggested: RunSettings): Record<SettingName, string> {
  const entries = settingNames.map((name) => [name, SETTINGS[name].reason(facts, suggested)]);
  return Object.fromEntries(entries);
}

/** Without an exponent, whatever its size. */
function plain(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 10 });
}

function passes(value: number): number {
  return value < 10 ? Number(value.toFixed(1)) : Math.round(value);
}
