/**
 * @file A trainer that computes nothing: it answers as the real one would on machines and in moments that a test cannot
 * have (a graphics card, a gated model, a lost device). For tests alone; `simulated.ts` puts it in the worker's place.
 */
import { expose } from 'comlink';
import type {
  CatalogueModel,
  DatasetReport,
  Int8Cost,
  LaneReport,
  MemoryReport,
  ModelOrigin,
  ModelReport,
  RunSettings,
  RunState,
  Saving,
  StorageReport,
  Studio,
  StudioError,
  StudioEvent,
  WeightFormat,
} from '../../app/workers/protocol';

const GB = 2 ** 30;
const MB = 1_000_000;
const commit = '9c1f3f4b2d6e8a7c5b3d1f0e9a8c7b6d5e4f3a2b';

let emit: (event: StudioEvent) => void = () => undefined;
let token: string | null = null;
let budget: number | null = null;
let model: ModelReport | null = null;
let cancel: (() => void) | null = null;
/** The download of a model whose connection breaks once: it is whole at the second attempt. */
let attempts = 0;

/** What the test's side tells the trainer to tell. */
new BroadcastChannel('simulated').onmessage = ({ data }: MessageEvent<StudioEvent>) => emit(data);

const models: Omit<CatalogueModel, 'memory'>[] = [
  entry('HuggingFaceTB/SmolLM2-135M', 'SmolLM2 135M', 'Llama', 134_515_008, 'base', 8192, false, {
    note: 'The best of its size in English: the first choice for classifiers and short answers.',
    stored: true,
  }),
  entry('openai-community/gpt2', 'GPT-2', 'GPT-2', 124_439_808, 'base', 1024, false, {
    licence: 'MIT',
    downloadBytes: 548 * MB,
    note: 'English only; what most papers on soft prompts began with.',
  }),
  entry('google/gemma-3-270m-it', 'Gemma 3 270M Instruct', 'Gemma', 268_098_176, 'chat', 32_768, true, {
    licence: 'Gemma',
    note: 'Many languages, follows instructions.',
  }),
  entry('Qwen/Qwen2.5-0.5B-Instruct', 'Qwen2.5 0.5B Instruct', 'Qwen', 494_032_768, 'chat', 32_768, false, {
    note: 'Many languages; keeps to formats such as JSON better than other models of its size.',
  }),
  entry(
    'TinyLlama/TinyLlama-1.1B-Chat-v1.0',
    'TinyLlama 1.1B Chat',
    'Llama',
    1_100_048_384,
    'chat',
    2048,
    false,
    {
      note: 'English; an older model, useful where Llama’s tokenizer is wanted.',
    },
  ),
  entry('microsoft/phi-1_5', 'Phi-1.5', 'Phi', 1_418_270_720, 'base', 2048, false, {
    licence: 'MIT',
    note: 'English and Python; strong at short reasoning, large.',
  }),
];

function entry(
  id: string,
  title: string,
  family: string,
  parameters: number,
  kind: CatalogueModel['kind'],
  contextLength: number,
  gated: boolean,
  more: Partial<CatalogueModel>,
): Omit<CatalogueModel, 'memory'> {
  const shared = { licence: 'Apache 2.0', note: '', stored: false, downloadBytes: parameters * 2 };
  return { id, title, family, parameters, kind, contextLength, gated, revision: 'main', ...shared, ...more };
}

function memoryOf(parameters: number, format: WeightFormat, settings?: RunSettings): MemoryReport {
  const weights = format === 'int8' ? parameters * 1.125 : parameters * 2;
  const may = budget ?? 2.5 * GB;
  const everything = (settings?.batchSize ?? 16) * 30 * 2 ** 20 + (settings?.virtualTokens ?? 20) * 2 ** 20;
  const needs: [Saving, number][] = [
    ['all', everything],
    ['half', everything * 0.55],
    ['mlp', everything * 0.35],
    ['layers', everything * 0.15],
  ];
  const [saving, training] = needs.find(([, bytes]) => weights + bytes <= may) ?? needs[3];
  return {
    weights,
    training,
    saving,
    budget: may,
    guessed: budget === null,
    fits: weights + training <= may,
  };
}

const list = (format: WeightFormat, settings?: RunSettings): CatalogueModel[] =>
  models.map((one) => ({ ...one, memory: memoryOf(one.parameters, format, settings) }));

const dataset: DatasetReport = {
  name: 'reviews.csv',
  format: 'csv',
  columns: ['text', 'label'],
  conversationColumns: [],
  options: {
    kind: 'inputTarget',
    inputTemplate: '{text}',
    targetTemplate: '{label}',
    turnColumns: [],
    learnedTurns: 'last',
    systemTurn: 'keep',
    joinLabels: false,
    chat: true,
    systemText: '',
    endOfText: true,
    maxTokens: 256,
    validationShare: 0.1,
    testShare: 0,
    groupColumn: null,
    splitSeed: 1,
  },
  guesses: ['input from column “text”', 'target from column “label”'],
  rows: 340,
  training: 306,
  validation: 34,
  test: 0,
  encoding: null,
  validationFile: false,
  testFile: false,
  emptyRows: 0,
  duplicateRows: 0,
  truncatedRows: 0,
  lengths: { min: 18, median: 31, max: 64 },
  labelTokens: 612,
  classes: ['negative', 'positive'],
  preview: [
    {
      row: 1,
      input: 'The food was dull.',
      target: 'negative',
      cut: 0,
      tokens: ['<|im_start|>', 'user', '\n', 'The', ' food', ' was', ' dull', '.', '<|im_end|>', '\n']
        .concat(['<|im_start|>', 'assistant', '\n'])
        .map((text, id) => ({ id, text, label: false }))
        .concat(['negative', '<|im_end|>'].map((text, id) => ({ id, text, label: true }))),
    },
  ],
  checks: [],
  notes: [],
  hash: 'simulated',
};

const suggested: RunSettings = {
  search: 'none',
  method: 'prompt',
  virtualTokens: 20,
  initialiser: 'text',
  initText: 'Is the review positive or negative?',
  before: '',
  after: '',
  learningRate: 0.02,
  steps: 400,
  batchSize: 16,
  seed: 1,
  warmupSteps: 20,
  schedule: 'cosine',
  clipNorm: 1,
  weightDecay: 0,
  validateEvery: 40,
  validationRows: 34,
  noise: 0,
  shots: 0,
  patience: 0,
  minutes: 0,
  instructions: [],
};

let storage: StorageReport = {
  models: [
    {
      key: 'a',
      id: 'HuggingFaceTB/SmolLM2-135M',
      revision: commit,
      bytes: 271 * MB,
      complete: true,
      usedAt: Date.UTC(2025, 2, 14),
    },
    {
      key: 'b',
      id: 'Qwen/Qwen2.5-0.5B-Instruct',
      revision: 'a8b602d9dafd3a75d382e62757d83d89fca3be54',
      bytes: 402 * MB,
      complete: false,
      usedAt: Date.UTC(2025, 2, 16),
    },
  ],
  used: 681 * MB,
  quota: 42_000 * MB,
  persisted: false,
};

function report(origin: ModelOrigin, format: WeightFormat): ModelReport {
  const id = origin.kind === 'files' ? 'SmolLM2-135M' : origin.id;
  const listed = models.find((one) => one.id === id);
  const parameters = listed?.parameters ?? 2_600_000;
  return {
    id,
    revision: origin.kind === 'hub' ? commit : null,
    weightFormat: format,
    chat: listed?.kind === 'chat',
    weightBytes: memoryOf(parameters, format).weights,
    modelType: 'llama',
    parameters,
    bytes: listed?.downloadBytes ?? 5_300_000,
    dtype: 'BF16',
    quantised: false,
    vocabSize: 49_152,
    hidden: 576,
    layers: 30,
    contextLength: listed?.contextLength ?? 512,
    fromCache: listed?.stored ?? false,
    notKept: null,
    notes: [],
    engine: {
      name: id.includes('gpt2') ? 'reference' : 'webgpu',
      problem: id.includes('gpt2')
        ? {
            message:
              'This graphics driver computes wrong numbers with the fast engine, so the slower one is used.',
            details:
              'loss 4.4211 instead of 4.4178\nlargest difference of the gradient 3.1e-2\nllama, 30 layers',
          }
        : null,
    },
  };
}

const fail = (error: StudioError): never => {
  throw error;
};

/** Arrives at this share of the download and waits there, until it is cancelled. */
function waitAt(share: number, total: number): Promise<never> {
  const progress = { phase: 'downloading', file: 'model.safetensors', loaded: share * total, total } as const;
  emit({ type: 'modelProgress', progress: { ...progress, speed: 11.4 * MB } });
  return new Promise((_, reject) => {
    cancel = () => reject({ kind: 'model', message: 'Loading was cancelled.' } satisfies StudioError);
  });
}

/** Takes long enough to be cancelled. */
function compareInt8(): Promise<Int8Cost | null> {
  emit({
    type: 'modelProgress',
    progress: { phase: 'comparing', file: '', loaded: 20, total: 68, speed: null },
  });
  return new Promise((resolve) => {
    cancel = () => resolve(null);
    setTimeout(() => resolve({ stored: 2.4131, int8: 2.4187, rows: 34 }), 3000);
  });
}

async function loadModel(origin: ModelOrigin, format: WeightFormat = 'stored'): Promise<ModelReport> {
  const id = origin.kind === 'files' ? '' : origin.id;
  if (id.startsWith('google/') && token !== 'hf_simulatedGoodToken') {
    fail({
      kind: 'model',
      message: `${id} is gated: huggingface.co asks for an access token of someone who has accepted its licence (401).`,
      hint: `Accept the licence at huggingface.co/${id}, then enter an access token.`,
      remedy: 'token',
    });
  }
  if (id.startsWith('slow/')) await waitAt(0.43, 271 * MB);
  if (id.startsWith('broken/') && ++attempts === 1) {
    const progress = { phase: 'downloading', file: 'model.safetensors', speed: null } as const;
    emit({ type: 'modelProgress', progress: { ...progress, loaded: 118 * MB, total: 271 * MB } });
    fail({
      kind: 'model',
      message: 'The connection to huggingface.co broke while model.safetensors was being downloaded.',
      hint: 'What has arrived is kept. Go on when the connection is back.',
    });
  }
  model = report(origin, format);
  return model;
}

function train(settings: RunSettings): string {
  const state = {
    phase: 'training',
    step: 0,
    steps: settings.steps,
    bestStep: 0,
    leader: 0,
    lanes: [] as LaneReport[],
  } satisfies RunState;
  emit({ type: 'runStarted', runId: 'run', settings, history: { steps: [], validations: [] }, state });
  return 'run';
}

const studio: Studio = {
  async open(_baseUrl, onEvent) {
    emit = onEvent;
    return {
      backend: 'webgpu',
      name: 'Apple M3',
      software: false,
      threads: 8,
      largestBuffer: 2 ** 31,
      reason: null,
    };
  },
  loadModel,
  async cancelModel() {
    cancel?.();
  },
  catalogue: async (settings, format = 'stored') => list(format, settings),
  async setHubToken(next) {
    token = next;
  },
  storage: async () => storage,
  async deleteStored(key) {
    storage = { ...storage, models: storage.models.filter((one) => one.key !== key), used: 402 * MB };
    return storage;
  },
  memory: async (settings) => memoryOf(model?.parameters ?? 0, model?.weightFormat ?? 'stored', settings),
  async setMemoryBudget(bytes) {
    budget = bytes;
  },
  compareInt8,
  async cancelComparison() {
    cancel?.();
  },
  askTogether: async () => null,
  readInputs: async () => null,
  hardestRows: async () => null,
  rankUnlabelled: async () => null,
  cancelRowWork: async () => undefined,
  datasetFiles: async () => ({ training: new File([], 'rows.jsonl'), validation: null, test: null }),
  samples: async () => [
    {
      id: 'reviews',
      title: 'Review sentiment',
      description: 'Short reviews, positive or negative.',
      task: 'class',
      instruction: 'Is the review positive or negative?',
    },
  ],
  openSample: async () => dataset,
  openDataset: async () => dataset,
  openHubDataset: async () => dataset,
  setDataOptions: async (options) => ({ ...dataset, options }),
  cancelOpening: async () => undefined,
  dataset: async () => dataset,
  restoreDataset: async () => dataset,
  suggestSettings: async () => ({ settings: suggested, reasons: { batchSize: 'usual for this model' } }),
  train: async (settings) => train(settings),
  pause: async () => undefined,
  resume: async () => undefined,
  step: async (settings) => train(settings),
  stop: async () => undefined,
  takeLane: async () => undefined,
  saved: async () => ({ dataset: null, run: null }),
  restore: async () => ({ dataset: null, runId: null }),
  discardSaved: async () => undefined,
  generate: async () => undefined,
  cancelGenerate: async () => undefined,
  download: async () => fail({ kind: 'prompt', message: 'Nothing was trained here.' }),
  importPrompt: async () => fail({ kind: 'prompt', message: 'Nothing is imported here.' }),
  cancelImport: async () => undefined,
  forgetPrompt: async () => null,
};

expose(studio);
