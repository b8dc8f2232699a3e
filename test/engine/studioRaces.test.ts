/**
 * @file Two commands at once leave what one after the other would: every pair of the worker's commands, in both orders,
 * from the page's first moment and in the middle of work, on a machine whose answers come sooner or later by a seed.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { completeOptions } from '../../app/data/options';
import { createRandom } from '../../app/formats/random';
import type { StudioError } from '../../app/workers/protocol';
import { startNodeBackend } from '../../tools/node/backend';
import { type Kept, origin, RaceHouse, settings, turn } from './raceHouse';

const sampling = { maxTokens: 3, temperature: 0 };
let prompt: Uint8Array<ArrayBuffer>;
let kept: Kept;

interface Command {
  run(house: RaceHouse): Promise<unknown>;
  /** Answers only once there is a model. */
  waits?: boolean;
  /** Changes nothing by itself: of two such commands there is nothing to find out. */
  quiet?: boolean;
}

const commands: Record<string, Command> = {
  'loadModel small': { run: ({ studio }) => studio.loadModel(origin('small')) },
  'loadModel other': { run: ({ studio }) => studio.loadModel(origin('other')) },
  cancelModel: { run: ({ studio }) => studio.cancelModel(), quiet: true },
  'openDataset books': { run: (house) => house.studio.openDataset([house.file('books')]), waits: true },
  'openDataset two files': {
    run: (house) => house.studio.openDataset([house.file('films')], { validation: house.file('books') }),
    waits: true,
  },
  openSample: { run: ({ studio }) => studio.openSample('songs'), waits: true },
  cancelOpening: { run: ({ studio }) => studio.cancelOpening(), quiet: true },
  setDataOptions: {
    run: ({ studio, inside }) => {
      const options = inside.data.current?.dataset.report.options;
      return studio.setDataOptions({
        ...completeOptions({}),
        kind: 'inputTarget',
        targetTemplate: '{target}',
        chat: false,
        systemText: '',
        endOfText: true,
        maxTokens: 64,
        validationShare: 0.5,
        splitSeed: 1,
        ...options,
        inputTemplate: 'Say: {input}\n',
      });
    },
  },
  dataset: { run: ({ studio }) => studio.dataset(), quiet: true },
  restoreDataset: { run: ({ studio }) => studio.restoreDataset() },
  suggestSettings: { run: ({ studio }) => studio.suggestSettings(), quiet: true },
  train: { run: ({ studio }) => studio.train(settings) },
  step: { run: ({ studio }) => studio.step(settings) },
  pause: { run: ({ studio }) => studio.pause() },
  resume: { run: ({ studio }) => studio.resume() },
  stop: { run: ({ studio }) => studio.stop() },
  takeLane: { run: ({ studio }) => studio.takeLane(null) },
  restore: { run: ({ studio }) => studio.restore(), waits: true },
  discardSaved: { run: ({ studio }) => studio.discardSaved() },
  generate: {
    run: ({ studio }) =>
      studio.generate(1, { input: 'old', hardPrompt: '', columns: ['without', 'with'], sampling }),
    quiet: true,
  },
  hardestRows: { run: ({ studio }) => studio.hardestRows(), quiet: true },
  readInputs: { run: ({ studio }) => studio.readInputs(), quiet: true },
  askTogether: { run: ({ studio }) => studio.askTogether(), quiet: true },
  cancelRowWork: { run: ({ studio }) => studio.cancelRowWork(), quiet: true },
  datasetFiles: { run: ({ studio }) => studio.datasetFiles([]), quiet: true },
  cancelGenerate: { run: ({ studio }) => studio.cancelGenerate(), quiet: true },
  importPrompt: { run: (house) => house.studio.importPrompt([house.promptFile(prompt)]), waits: true },
  cancelImport: { run: ({ studio }) => studio.cancelImport(), quiet: true },
  forgetPrompt: { run: ({ studio }) => studio.forgetPrompt() },
  download: { run: ({ studio }) => studio.download('json'), quiet: true },
  compareInt8: { run: ({ studio }) => studio.compareInt8(), quiet: true },
  cancelComparison: { run: ({ studio }) => studio.cancelComparison(), quiet: true },
};
type CommandName = keyof typeof commands;

/** Where the commands find the studio. */
const scenes: Record<string, (house: RaceHouse) => Promise<void>> = {
  'at the first moment': async () => undefined,
  'with a model and data': async (house) => {
    await house.studio.loadModel(origin('small'));
    await house.studio.openDataset([house.file('books')]);
    await house.studio.openDataset([house.file('films')]);
  },
  'with a paused run and a prompt from a file': async (house) => {
    await scenes['with a model and data'](house);
    await house.studio.step(settings);
    await atRest(house);
    await house.studio.importPrompt([house.promptFile(prompt)]);
  },
  'with a run that goes on': async (house) => {
    await scenes['with a model and data'](house);
    await house.studio.train(settings);
  },
};

/**
 * The first scene has every pair; the others, which train, have those that meet what the first does not hold.
 * `RACES=all` plays every pair in every scene.
 */
const told: Record<string, CommandName[]> = {
  'with a model and data': [
    ...['loadModel other', 'cancelModel', 'openDataset books', 'cancelOpening', 'setDataOptions'],
    ...['restoreDataset', 'train', 'importPrompt', 'compareInt8'],
  ],
  'with a paused run and a prompt from a file': [
    ...[
      'loadModel other',
      'openDataset books',
      'train',
      'step',
      'resume',
      'restore',
      'forgetPrompt',
      'takeLane',
    ],
  ],
  'with a run that goes on': ['loadModel other', 'pause', 'stop', 'restore', 'generate', 'takeLane'],
};

type Answer = 'done' | 'waits' | 'refused';

/** Puts a command's end on record; one that is refused is refused in words. */
class Call {
  answer: Answer = 'waits';
  readonly settled: Promise<void>;

  constructor(
    readonly name: CommandName,
    house: RaceHouse,
  ) {
    this.settled = commands[name].run(house).then(
      () => {
        this.answer = 'done';
      },
      (error: StudioError) => {
        expect(error, name).toMatchObject({
          kind: expect.any(String),
          message: expect.stringMatching(/^[A-Z“].*[.”]$/s),
        });
        expect(error).not.toBeInstanceOf(Error);
        expect(error.message, name).not.toMatch(
          /undefined|is not a|Cannot read|aborted|disposed|was not made for|is not as it should be/i,
        );
        this.answer = 'refused';
      },
    );
  }
}

async function atRest({ inside }: RaceHouse): Promise<void> {
  while (inside.runs.busy) await turn();
}

/** Whether the run goes on by itself: a single step ends. */
async function phaseOf({ inside }: RaceHouse): Promise<string | null> {
  const run = inside.runs.current;
  if (!run) return null;
  const { trainer } = run;
  for (const from = trainer.state.step; trainer.state.step < from + 2; await turn()) {
    if (!inside.runs.busy) return trainer.state.phase;
  }
  return 'going on';
}

/** All that a person could tell two outcomes apart by. */
async function outcome(house: RaceHouse, calls: readonly Call[]) {
  await house.still();
  const { inside, events } = house;
  const phase = await phaseOf(house);
  await house.still();
  const { models, data, runs, prompts } = inside;
  const [model, dataset, run] = [models.current, data.current, runs.current];
  const held = await prompts.held();
  const saved = (await house.runStore?.list())?.some(({ runId }) => runId === kept.checkpoint.runId);
  const stored = await data.stored('in-use');

  // Whatever the order was: nothing is used with what it was not made for, and the page knows what there is.
  if (run) {
    expect(run.model).toBe(model);
    expect(run.data.textKey).toBe(run.model.textKey);
    expect(events.findLast((event) => event.type === 'runStarted')?.runId).toBe(run.trainer.runId);
    expect(run.trainer.state.phase).not.toBe('starting');
  }
  if (dataset && model) {
    await house.studio.dataset();
    expect(data.current?.textKey).toBe(model.textKey);
  }
  const toldPrompt = events.findLast((event) => event.type === 'promptChanged')?.prompt ?? null;
  if (phase !== 'going on') expect(toldPrompt?.id).toBe(held?.report.id);

  const used = data.current;
  return {
    model: model?.report.id ?? null,
    data: used && {
      name: used.name,
      validation: used.dataset.validation.length,
      template: used.dataset.report.options.inputTemplate,
      ids: model && used.dataset.training.map(({ tokenIds }) => [...tokenIds]),
    },
    stored: stored?.name ?? null,
    run: run && {
      from: run.trainer.runId === kept.checkpoint.runId ? 'the visit before' : 'this visit',
      phase,
      data: run.data.name,
      template: run.data.dataset.report.options.inputTemplate,
    },
    prompt: held?.report.origin ?? null,
    saved,
    waits: calls.filter(({ answer }) => answer === 'waits').map(({ name }) => name),
  };
}
type Outcome = Awaited<ReturnType<typeof outcome>>;

async function play(
  scene: string,
  seed: number,
  act: (house: RaceHouse) => Promise<Call[]>,
): Promise<[Outcome, Call[]]> {
  const house = await RaceHouse.open(seed, kept);
  try {
    await scenes[scene](house);
    await house.still();
    const calls = await act(house);
    return [await outcome(house, calls), calls];
  } finally {
    await house.close();
  }
}

/** Waits for a command, unless it waits for something itself. */
async function finish(house: RaceHouse, call: Call): Promise<void> {
  if (commands[call.name].waits) await house.still();
  if (call.answer === 'waits' && !commands[call.name].waits) await call.settled;
}

/** One after the other. */
const inOrder = (scene: string, names: CommandName[]) =>
  play(scene, 1, async (house) => {
    const calls: Call[] = [];
    for (const name of names) {
      const call = new Call(name, house);
      await finish(house, call);
      // A step is over when the run rests, which is after its answer.
      if (name === 'step' && call.answer === 'done') await atRest(house);
      calls.push(call);
    }
    return calls;
  });

/** The second is asked for some turns after the first. */
const atOnce = (scene: string, names: [CommandName, CommandName], seed: number) =>
  play(scene, seed, async (house) => {
    const first = new Call(names[0], house);
    for (let left = createRandom(seed, 1).int(8); left > 0; left--) await turn();
    const second = new Call(names[1], house);
    await finish(house, first);
    await finish(house, second);
    await finish(house, first);
    return [first, second];
  });

describe('two commands at once leave what one after the other would', () => {
  beforeAll(async () => {
    // Loaded with the first prompt file: what is raced here is commands, not the loading of a module.
    await import('../../app/prompt/importPrompt');
    await startNodeBackend('wasm');
    kept = await visitBefore();
  });

  const names = Object.keys(commands);
  const serial = new Map<string, Promise<Outcome>>();
  const once = (scene: string, order: CommandName[]) => {
    const key = [scene, ...order].join(' > ');
    const known = serial.get(key) ?? inOrder(scene, order).then(([state]) => state);
    serial.set(key, known);
    return known;
  };

  for (const scene of Object.keys(scenes)) {
    const here = (process.env.RACES === 'all' ? null : told[scene]) ?? names;
    it.each(here)(`${scene}: %s, and every other`, async (first) => {
      for (const [seed, second] of here.entries()) {
        if (commands[first].quiet && commands[second].quiet) continue;
        const [state, calls] = await atOnce(scene, [first, second], seed);
        const allowed = [await once(scene, [first, second]), await once(scene, [second, first])];
        // What is refused changes nothing.
        const [firstRefused, secondRefused] = calls.map(({ answer }) => answer === 'refused');
        if (secondRefused) allowed.push(await once(scene, [first]));
        if (firstRefused) allowed.push(await once(scene, [second]));
        if (firstRefused && secondRefused) allowed.push(await once(scene, []));
        const refused = calls.filter(({ answer }) => answer === 'refused').map(({ name }) => name);
        const what = `${first}, then ${second}; refused: ${refused.join(', ') || 'neither'}`;
        expect(allowed, what).toContainEqual(state);
      }
    });
  }
});

/** A run of one step on `films`, as it is kept; and a prompt file. */
async function visitBefore(): Promise<Kept> {
  const house = await RaceHouse.open(1);
  const { studio, inside } = house;
  await studio.loadModel(origin('small'));
  await studio.openDataset([house.file('films')]);
  const runId = await studio.step(settings);
  await atRest(house);
  await studio.pause();
  prompt = (await studio.download('json')).bytes;
  const dataset = await inside.data.stored(runId);
  const checkpoint = await house.runStore?.load(runId);
  if (!dataset || !checkpoint) throw new Error('The run was not kept.');
  await house.close();
  return { dataset, checkpoint };
}
