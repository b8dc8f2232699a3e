/**
 * @file The run in use: one trainer at a time, its events sent to the page, its checkpoints kept for the next visit. It is
 * made, brought back and put away in turns; only the loss of the device comes between them.
 */

import type { PromptArtefact } from '../prompt/types';
import { type CheckpointStore, isOver } from '../training/checkpoint';
import { readyFor, startLearner } from '../training/learner';
import type { Words } from '../training/proof';
import type { AbandonedRun, RunEvents } from '../training/run';
import { parseSettings } from '../training/settingsRanges';
import { lanesOf } from '../training/sweep/lanes';
import type { Lane } from '../training/sweep/sweep';
import { Trainer } from '../training/trainer';
import type { Checkpoint } from '../training/types';
import type { ActiveDataset } from './datasetSlot';
import { DeviceLostError, StudioRequestError, toStudioError } from './errors';
import type { ActiveModel } from './modelSlot';
import type { RunSettings, SettingName, StudioEvent } from './protocol';
import { wordsFor } from './words';

/** Runs kept for another visit; older ones are forgotten. */
const KEPT_RUNS = 5;

export interface ActiveRun {
  trainer: Trainer;
  model: ActiveModel;
  data: ActiveDataset;
  words: readonly Words[];
}

/** What a run begins as; one that goes on has its lanes from its checkpoint. */
interface MadeRun {
  runId: string;
  settings: RunSettings;
  lanes: readonly Lane[];
  /** What was done that the person did not ask for. */
  notes?: string[];
}

export class RunSlot {
  private active: ActiveRun | null = null;
  /** Where the run was when its device was lost, until it is taken up. */
  private left: AbandonedRun | null = null;
  /** Devices lost so far: what was begun on one of them must not be finished on another. */
  private devices = 0;

  constructor(
    private readonly store: CheckpointStore | null,
    private readonly emit: (event: StudioEvent) => void,
    /** The run came to rest: what it made may be another prompt now. */
    private readonly onRest: () => void,
    /** Whether the device is lost, asked where a run breaks. */
    private readonly deviceLost: () => Promise<boolean>,
    /** Lets the engine know what memory the run may take: a fresh one, one that is brought back or one that is taken up. */
    private readonly budget: (model: ActiveModel) => void,
  ) {}

  get current(): ActiveRun | null {
    return this.active;
  }

  /** Whether steps are being made. */
  get busy(): boolean {
    const phase = this.active?.trainer.state.phase;
    return phase === 'starting' || phase === 'training' || phase === 'validating';
  }

  /** @throws StudioRequestError when there is no run. */
  get(): ActiveRun {
    if (!this.active) throw new StudioRequestError('There is no run yet.', 'Press Train.');
    return this.active;
  }

  /**
   * Makes a new run in place of the one before, resting before its first step.
   * @throws TrainingError for settings that are no good or do not fit model and data; the run before then stays.
   */
  async create(
    settings: RunSettings,
    model: ActiveModel,
    data: ActiveDataset,
    file: PromptArtefact | null,
    own: readonly SettingName[] = [],
  ): Promise<ActiveRun> {
    this.refuseBusy();
    const { devices } = this;
    const asked = parseSettings(settings);
    const blind = asked.search !== 'none' && data.dataset.validation.length === 0;
    if (blind && asked.search !== 'auto') {
      throw new StudioRequestError(
        'A search compares its prompts on validation rows, of which this dataset has none.',
        'Keep some rows for validation, or train one prompt.',
      );
    }
    const checked: RunSettings = blind ? { ...asked, search: 'none' } : asked;
    const notes = blind
      ? ['One prompt is trained: there are no validation rows to choose among several by.']
      : [];
    const lanes = await this.lanes(checked, own, model, data, file);
    return this.put(model, data, { runId: newRunId(), settings: checked, lanes, notes }, devices);
  }

  private async lanes(
    settings: RunSettings,
    own: readonly SettingName[],
    { engine, tokenizer, measures }: ActiveModel,
    data: ActiveDataset,
    file: PromptArtefact | null,
  ): Promise<Lane[]> {
    const { training, classes, report } = data.dataset;
    const source = { tokenizer, training, file, elementRms: measures.elementRms };
    const plans = lanesOf(settings, {
      room: Math.max(1, engine.spec.contextLength - report.lengths.max),
      classes: classes !== null,
      training: training.length,
      own: new Set(own),
    });
    const lanes: Lane[] = [];
    for (const plan of plans)
      lanes.push({ ...plan, start: await startLearner(engine, plan.settings, source) });
    return lanes;
  }

  /** Brings a kept run back, paused or over as it was. @throws TrainingError when it does not fit model and data. */
  async restore(checkpoint: Checkpoint, model: ActiveModel, data: ActiveDataset): Promise<ActiveRun> {
    this.refuseBusy();
    for (const { settings } of checkpoint.lanes) await readyFor(settings);
    return this.put(model, data, { ...checkpoint, lanes: [] }, this.devices, checkpoint);
  }

  /** @throws StudioRequestError while steps are being made */
  refuseBusy(): void {
    if (this.busy) throw new StudioRequestError('A run is going on.', 'Pause or stop it first.');
  }

  /** Ends work on a device that is lost; the run stays where it was until it is taken up. */
  abandon(): void {
    this.devices += 1;
    // A second loss may come before the run is taken up.
    if (this.active && !this.left) this.left = this.active.trainer.abandon();
    else this.active?.trainer.abandon();
  }

  /** What a command during the recovery leaves of the run: it is not gone on with afterwards. */
  hold(): void {
    if (this.left) this.left = { ...this.left, going: null };
  }

  /**
   * Goes on with the run that `abandon` left, with another engine of the same model; paused if it was. Where memory was
   * short its steps are divided further.
   */
  takeUp(model: ActiveModel, why: 'lost' | 'outOfMemory'): void {
    const { active, left } = this;
    if (!active || !left) return;
    const { checkpoint, going } = left;
    const mostParts = checkpoint.settings.batchSize * checkpoint.lanes.length;
    if (why === 'outOfMemory' && going && left.parts >= mostParts) {
      this.left = null;
      this.tellFailed(active, outOfMemory(checkpoint.settings.virtualTokens));
      return;
    }
    const parts = why === 'outOfMemory' && going ? Math.min(2 * left.parts, mostParts) : left.parts;
    const where = checkpoint.step === 0 ? 'from its start' : `from step ${checkpoint.step}`;
    const note =
      why === 'lost'
        ? `The graphics device was lost; the run was taken up ${where} on a new one.`
        : `The graphics memory ran out; the run was taken up ${where}, each step in ${parts} parts.`;
    const notes = going ? [...left.notes, note] : left.notes;
    const { runId } = checkpoint;
    const { data, words } = active;
    const run = this.make(model, data, words, { ...checkpoint, lanes: [] }, checkpoint, { parts, notes });
    this.left = null;
    this.active = run;
    if (!isOver(checkpoint.phase)) this.emit({ type: 'runState', runId, state: run.trainer.state });
    if (going) this.go(run, going);
  }

  /** No device is to be had for the run: it ends, and what it reached is kept. */
  giveUp(message: string): void {
    const { active, left } = this;
    if (!active || !left) return;
    void this.store?.save(left.checkpoint).catch(() => undefined);
    if (left.going) this.tellFailed(active, message);
  }

  private tellFailed({ trainer }: ActiveRun, message: string): void {
    const state = { ...trainer.state, phase: 'failed' as const, message };
    this.emit({ type: 'runState', runId: trainer.runId, state });
  }

  /** Sets a trainer going without waiting for it; what it throws at once is thrown here. */
  go(run: ActiveRun, command: 'resume' | 'singleStep'): void {
    const resting = run.trainer[command]();
    void resting
      .catch((error) => {
        const { message, hint } = toStudioError(error, 'training');
        const state = { ...run.trainer.state, message: [message, hint].filter(Boolean).join(' ') };
        this.emit({ type: 'runState', runId: run.trainer.runId, state });
      })
      .finally(() => {
        if (this.active === run) this.onRest();
      });
  }

  /** Puts the run away; its checkpoint stays, for any tab unless it is that of `next`. */
  async clear(next?: string): Promise<void> {
    const run = this.active;
    this.active = null;
    await run?.trainer.dispose();
    if (run && run.trainer.runId !== next) this.store?.release(run.trainer.runId);
  }

  /** Keeps other tabs from going on with a run. @throws StudioRequestError where one is doing so. */
  async claim(runId: string): Promise<void> {
    if (!this.store || (await this.store.claim(runId))) return;
    throw new StudioRequestError(
      'This run is open in another tab, which goes on with it.',
      'Close that tab to go on here, or use it there.',
    );
  }

  private async put(
    model: ActiveModel,
    data: ActiveDataset,
    made: MadeRun,
    /** Devices lost when the run began to be made. */
    devices: number,
    checkpoint?: Checkpoint,
  ): Promise<ActiveRun> {
    const { runId, settings } = made;
    const words = await wordsFor(settings, model, data);
    const run = this.make(model, data, words, made, checkpoint, { notes: made.notes });
    await this.claim(runId);
    await this.clear(runId);
    if (devices !== this.devices) throw new DeviceLostError();
    this.active = run;
    const { history, state } = run.trainer;
    this.emit({ type: 'runStarted', runId, settings, history, state });
    if (!this.store) this.emit({ type: 'notSaved', runId, message: nothingKept });
    return run;
  }

  private make(
    model: ActiveModel,
    data: ActiveDataset,
    words: readonly Words[],
    { runId, settings, lanes }: MadeRun,
    checkpoint?: Checkpoint,
    before: { parts?: number; notes?: string[] } = {},
  ): ActiveRun {
    if (data.textKey !== model.textKey) {
      throw new StudioRequestError(
        'The dataset was prepared for another model than the one in use.',
        'Open it again.',
      );
    }
    this.budget(model);
    const trainer = new Trainer(
      {
        runId,
        settings,
        lanes,
        engine: model.engine,
        measures: model.measures,
        tokenizer: model.tokenizer,
        modelKey: model.key,
        data: data.dataset,
        words,
        dataHash: data.dataset.report.hash,
        deviceLost: this.deviceLost,
        ...(this.store && { store: this.store }),
        ...before,
      },
      this.events(runId),
      checkpoint,
    );
    return { trainer, model, data, words };
  }

  private events(runId: string): RunEvents {
    const { emit } = this;
    return {
      state: (state) => emit({ type: 'runState', runId, state }),
      steps: (records) => emit({ type: 'steps', runId, records }),
      validation: (record) => emit({ type: 'validation', runId, record }),
      validationProgress: (done, total) => emit({ type: 'validationProgress', runId, done, total }),
      words: (records) => emit({ type: 'words', runId, records }),
      verdict: (verdict) => emit({ type: 'verdict', runId, verdict }),
      neighbours: (table) => emit({ type: 'neighbours', runId, table }),
      answers: (step, rows, instruction) => emit({ type: 'answers', runId, step, rows, instruction }),
      saved: (step) => emit({ type: 'saved', runId, step }),
      notSaved: (error) => {
        const { message, hint } = toStudioError(error, 'training');
        emit({ type: 'notSaved', runId, message: [message, hint].filter(Boolean).join(' ') });
      },
    };
  }

  /** Ids of runs that are too old to keep, forgotten. */
  async forgetOld(): Promise<string[]> {
    if (!this.store) return [];
    const old = (await this.store.list()).slice(KEPT_RUNS).map(({ runId }) => runId);
    const removed = await Promise.all(old.map((runId) => this.store?.remove(runId)));
    return old.filter((_, index) => removed[index]);
  }
}

const nothingKept =
  'This browser keeps nothing for this page, as private windows do: the run ends with the tab. Download the prompt to keep it.';

function outOfMemory(virtualTokens: number): string {
  return `The graphics memory ran out with a single text at a time. Cut the examples shorter, use fewer virtual tokens than ${virtualTokens}, or choose a smaller model.`;
}

/** Unique among this person's runs; `crypto.randomUUID` is missing on pages that are not served securely. */
function newRunId(): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
  return `run-${Date.now().toString(36)}-${random}`;
}
