/**
 * @file The worker's side of the protocol: model, dataset, run and prompt in use, and what the page asks of them. What
 * replaces or uses one of them does so in a turn (`turns.ts`); questions and what only reads files take none.
 */
import type { DataOptions, DatasetReport } from '../data/types';
import { exportPrompt } from '../prompt/exportPrompt';
import { suggestSettings } from '../training/suggest';
import { type OpenedDataset, reportOf } from './datasetSlot';
import { StudioRequestError, toStudioError } from './errors';
import { type House, openHouse } from './house';
import { compareInt8 } from './int8Comparison';
import type { ModelLoad } from './modelLoad';
import type { ActiveModel } from './modelSlot';
import type { Platform } from './platform';
import { readPromptFiles } from './promptSlot';
import type {
  AddedExample,
  Backend,
  CatalogueModel,
  DeviceReport,
  EnsembleReport,
  FileChoices,
  GenerateRequest,
  HardRows,
  InputsReading,
  Int8Cost,
  MemoryReport,
  ModelOrigin,
  ModelProgress,
  ModelReport,
  PromptFormat,
  PromptReport,
  RankedRows,
  RunSettings,
  SampleDataset,
  SavedWork,
  SettingName,
  StorageReport,
  Studio,
  StudioError,
  StudioEvent,
  SuggestedSettings,
  WeightFormat,
} from './protocol';
import type { ActiveRun } from './runSlot';
import { Newest, SideWork, Turns } from './turns';

export class StudioService implements Studio {
  private opened: House | null = null;
  private readonly turns = new Turns();
  private readonly comparison = new SideWork(this.turns);
  private readonly openings = new Newest();
  private readonly optionsSent = new Newest();
  private readonly imports = new Newest();

  constructor(private readonly platform: Platform) {}

  open(baseUrl: string, onEvent: (event: StudioEvent) => void, force?: Backend): Promise<DeviceReport> {
    return attempt('device', async () => {
      const device = await this.platform.startDevice(force);
      this.opened = await openHouse(
        this.platform,
        this.turns,
        device,
        baseUrl,
        (event) => void onEvent(event),
      );
      return device;
    });
  }

  loadModel(origin: ModelOrigin, format: WeightFormat = 'stored'): Promise<ModelReport> {
    return attempt('model', async () => {
      const { models, runs, recovery, emit } = this.ready();
      const load = models.begin();
      try {
        await this.turns.take(() => runs.refuseBusy());
        // Of models that nobody uses there is never a second in memory.
        await Promise.all([load.before?.over, this.comparison.cancel()]);
        const read = (from: ModelOrigin, as: ModelLoad) =>
          models.read(from, format, (progress) => emit({ type: 'modelProgress', progress }), as);
        const model = await recovery.repeat(() => read(origin, load));
        const { revision } = model.report;
        // A branch may have moved when the model has to be loaded again.
        const same = origin.kind === 'hub' && revision !== null ? { ...origin, revision } : origin;
        await this.turns.take(() => this.replaceModel(model, load, (again) => read(same, again)));
        return model.report;
      } finally {
        models.finish(load);
      }
    });
  }

  async cancelModel(): Promise<void> {
    this.opened?.models.cancel();
  }

  async setHubToken(token: string | null): Promise<void> {
    this.ready().files.setHubToken(token);
  }

  storage(): Promise<StorageReport> {
    return attempt('model', () => this.ready().files.report());
  }

  deleteStored(key: string): Promise<StorageReport> {
    return attempt('model', async () => {
      const { files } = this.ready();
      await files.remove(key);
      return files.report();
    });
  }

  catalogue(settings?: RunSettings, format?: WeightFormat): Promise<CatalogueModel[]> {
    return attempt('model', async () => {
      const { advice, data, files } = this.ready();
      const { models } = await files.report();
      return advice.catalogue(settings ?? null, data.current?.dataset.report ?? null, models, format);
    });
  }

  memory(settings: RunSettings): Promise<MemoryReport> {
    return attempt('training', async () => {
      const { advice, data } = this.ready();
      const model = this.model();
      return advice.memory(settings, model, data.preparedFor(model)?.dataset.report ?? null);
    });
  }

  async setMemoryBudget(bytes: number | null): Promise<void> {
    this.ready().advice.setBudget(bytes);
  }

  compareInt8(): Promise<Int8Cost | null> {
    return attempt('model', () => {
      const { recovery, data, runs, emit } = this.ready();
      return this.comparison.run(async (signal) => {
        runs.refuseBusy();
        this.refuseWhileLoading();
        await recovery.ready();
        const model = this.model();
        const dataset = await data.for(model);
        const tell = (progress: ModelProgress) => emit({ type: 'modelProgress', progress });
        return () => recovery.guard(() => compareInt8(model, dataset, tell, signal));
      });
    });
  }

  cancelComparison(): Promise<void> {
    return this.comparison.cancel();
  }

  samples(): Promise<SampleDataset[]> {
    return attempt('data', () => this.ready().data.samples());
  }

  openSample(id: string): Promise<DatasetReport> {
    return this.openData((signal) => this.ready().data.readSample(id, signal));
  }

  openDataset(files: File[], choices?: FileChoices): Promise<DatasetReport> {
    return this.openData((signal) => this.ready().data.readFiles(files, choices, signal));
  }

  openHubDataset(text: string): Promise<DatasetReport> {
    return this.openData((signal) => this.ready().data.readHubText(text, signal));
  }

  async cancelOpening(): Promise<void> {
    this.openings.cancel(new StudioRequestError('Opening was cancelled; the data before stay.'));
  }

  setDataOptions(options: DataOptions): Promise<DatasetReport> {
    return attempt('data', () => {
      const { data } = this.ready();
      const signal = this.optionsSent.begin(new StudioRequestError('Other options were sent meanwhile.'));
      return this.turns.take(() => data.setOptions(options, this.model(), signal));
    });
  }

  dataset(): Promise<DatasetReport | null> {
    return attempt('data', () => {
      const { data } = this.ready();
      return this.turns.take(async () => data.current && reportOf(await data.for(this.model())));
    });
  }

  restoreDataset(): Promise<DatasetReport> {
    return attempt('data', () => this.turns.take(() => this.ready().data.restoreBefore(this.model())));
  }

  suggestSettings(): Promise<SuggestedSettings> {
    return attempt('training', () =>
      this.turns.take(async () => {
        const { data, device } = this.ready();
        const model = this.model();
        const { dataset, source } = await data.for(model);
        return suggestSettings({
          spec: model.engine.spec,
          elementRms: model.measures.elementRms,
          dataset: dataset.report,
          instruction: source.kind === 'sample' ? await data.instructionFor(source.id) : null,
          gpu: device.backend === 'webgpu' && !device.software,
        });
      }),
    );
  }

  train(settings: RunSettings, own?: readonly SettingName[]): Promise<string> {
    return this.onDevice(async () => (await this.newRun(settings, 'resume', own)).trainer.runId);
  }

  step(settings: RunSettings, own?: readonly SettingName[]): Promise<string> {
    return this.onDevice(async () => {
      const { runs } = this.ready();
      const paused = runs.current?.trainer.state.phase === 'paused' ? runs.current : null;
      if (paused) await this.goOn(paused, 'singleStep');
      return (paused ?? (await this.newRun(settings, 'singleStep', own))).trainer.runId;
    });
  }

  pause(): Promise<void> {
    return attempt('training', async () => {
      this.hold();
      await this.turns.take(async () => {
        await this.rested();
        await this.ready().runs.get().trainer.pause();
      });
    });
  }

  resume(): Promise<void> {
    return this.onDevice(async () => {
      const run = this.ready().runs.get();
      if (run.trainer.state.phase !== 'paused') {
        throw new StudioRequestError('Only a paused run can be resumed.', 'Press Train to start a new one.');
      }
      await this.goOn(run, 'resume');
    });
  }

  stop(): Promise<void> {
    return attempt('training', async () => {
      this.hold();
      await this.turns.take(async () => {
        await this.rested();
        const { runs, prompts } = this.ready();
        await runs.get().trainer.stop();
        await prompts.tellAnyway();
      });
    });
  }

  takeLane(lane: number | null): Promise<void> {
    return this.onDevice(async () => {
      const { runs, prompts } = this.ready();
      await runs.get().trainer.take(lane);
      prompts.preferRun();
      await prompts.tellAnyway();
    });
  }

  saved(): Promise<SavedWork> {
    return attempt('training', () => this.ready().lastVisit.saved());
  }

  restore(runId?: string | null): Promise<{ dataset: DatasetReport | null; runId: string | null }> {
    return attempt('training', async () => {
      const { lastVisit, prompts } = this.ready();
      const restored = await lastVisit.restore(runId);
      await this.turns.take(() => prompts.tellAnyway());
      return restored;
    });
  }

  discardSaved(): Promise<void> {
    return attempt('training', () => this.turns.take(() => this.ready().lastVisit.discard()));
  }

  generate(requestId: number, request: GenerateRequest): Promise<void> {
    return attempt('generation', () => this.ready().generation.answer(requestId, request));
  }

  hardestRows(): Promise<HardRows | null> {
    return attempt('training', () => this.ready().rowWork.hardest());
  }

  rankUnlabelled(files: File[]): Promise<RankedRows | null> {
    return attempt('data', () => this.ready().rowWork.rank(files));
  }

  readInputs(): Promise<InputsReading | null> {
    return attempt('data', () => this.ready().rowWork.readInputs());
  }

  askTogether(): Promise<EnsembleReport | null> {
    return attempt('training', () => this.ready().rowWork.askTogether());
  }

  async cancelRowWork(): Promise<void> {
    await this.opened?.rowWork.cancel();
  }

  datasetFiles(
    added: AddedExample[],
  ): Promise<{ training: File; validation: File | null; test: File | null }> {
    return attempt('data', () => this.turns.take(() => this.ready().data.asFiles(added)));
  }

  async cancelGenerate(): Promise<void> {
    await this.opened?.generation.cancel();
  }

  download(format: PromptFormat): Promise<{ name: string; type: string; bytes: Uint8Array<ArrayBuffer> }> {
    return attempt('prompt', async () => {
      const { artefact } = await this.turns.take(() => this.ready().prompts.require());
      return exportPrompt(artefact, format);
    });
  }

  importPrompt(files: File[]): Promise<PromptReport> {
    return attempt('prompt', async () => {
      const { models, prompts, emit } = this.ready();
      const signal = this.imports.begin(new StudioRequestError('Another prompt was asked for meanwhile.'));
      const read = await readPromptFiles(files);
      await models.settled(signal);
      return this.turns.take(() => {
        signal.throwIfAborted();
        const report = prompts.take(read, this.model());
        emit({ type: 'promptChanged', prompt: report });
        return report;
      });
    });
  }

  async cancelImport(): Promise<void> {
    this.imports.cancel(new StudioRequestError('The prompt was not taken.'));
  }

  forgetPrompt(): Promise<PromptReport | null> {
    return attempt('prompt', () =>
      this.turns.take(async () => {
        const { prompts } = this.ready();
        prompts.forgetImported();
        return prompts.tell();
      }),
    );
  }

  private ready(): House {
    if (!this.opened) throw new StudioRequestError('The studio has not been opened yet.');
    return this.opened;
  }

  private model(): ActiveModel {
    return this.ready().models.get();
  }

  /** A run's command in its turn, once there is a device. */
  private onDevice<T>(work: () => Promise<T>): Promise<T> {
    return attempt('training', () =>
      this.turns.take(async () => {
        await this.ready().recovery.ready();
        return work();
      }),
    );
  }

  /** Reads at once, waits for a model where there is none, and takes its turn only then. */
  private openData(read: (signal: AbortSignal) => Promise<OpenedDataset>): Promise<DatasetReport> {
    return attempt('data', async () => {
      const { data, models } = this.ready();
      const signal = this.openings.begin(new StudioRequestError('Another dataset was asked for meanwhile.'));
      const opened = await read(signal);
      if (!models.current) data.tellWaiting();
      await models.present(signal);
      return this.turns.take(async () => data.use(await data.prepare(opened, this.model(), signal)));
    });
  }

  /** Puts a model that is whole in the place of the present one; the work with that is put away only now. */
  private async replaceModel(
    model: ActiveModel,
    load: ModelLoad,
    again: (load: ModelLoad) => Promise<ActiveModel>,
  ): Promise<void> {
    const { models, runs, prompts, generation, rowWork, emit } = this.ready();
    try {
      load.check();
      await this.comparison.end();
      await generation.end();
      await rowWork.end();
      await runs.clear();
    } catch (error) {
      model.engine.dispose();
      throw error;
    }
    prompts.forgetImported();
    models.replace(model, again);
    emit({ type: 'promptChanged', prompt: null });
  }

  /** @throws StudioRequestError while a model is on its way: a run would end with the present one. */
  private refuseWhileLoading(): void {
    if (!this.ready().models.loading) return;
    throw new StudioRequestError(
      'Another model is loading.',
      'Wait until it is there, or cancel loading it.',
    );
  }

  /** A command during a recovery takes effect on what the recovery will do with the run. */
  private hold(): void {
    const { runs, recovery } = this.ready();
    if (recovery.busy) runs.hold();
  }

  /** Waits for a recovery that is under way, which then leaves the run at rest. */
  private async rested(): Promise<void> {
    const { recovery } = this.ready();
    this.hold();
    if (recovery.busy) await recovery.ready();
  }

  /** Keeping house is a courtesy: where it fails, older runs are kept longer. */
  private async forgetOldRuns(): Promise<void> {
    const { runs, data } = this.ready();
    const forgotten = await runs.forgetOld().catch(() => []);
    for (const runId of forgotten) data.forget(runId);
  }

  /** Sets the paused run going. */
  private async goOn(run: ActiveRun, command: 'resume' | 'singleStep'): Promise<void> {
    this.refuseWhileLoading();
    await this.comparison.end();
    await this.ready().rowWork.end();
    this.ready().runs.go(run, command);
  }

  /** A fresh run on model and dataset in use, set going. An imported prompt gives way to what the run makes. */
  private async newRun(
    settings: RunSettings,
    command: 'resume' | 'singleStep',
    own: readonly SettingName[] = [],
  ): Promise<ActiveRun> {
    const { advice, runs, data, prompts, recovery } = this.ready();
    this.refuseWhileLoading();
    runs.refuseBusy();
    const model = this.model();
    const dataset = await data.for(model);
    await this.comparison.end();
    await this.ready().rowWork.end();
    advice.apply(model);
    const run = await recovery.guard(() => runs.create(settings, model, dataset, prompts.file, own));
    // From here on the run is there, and nothing that follows may take that back.
    prompts.preferRun();
    data.keep(run.trainer.runId);
    runs.go(run, command);
    void this.forgetOldRuns();
    await prompts.tellAnyway();
    return run;
  }
}

/** Runs a method; what it throws becomes a plain `StudioError`, which survives the way to the page. */
async function attempt<T>(kind: StudioError['kind'], method: () => Promise<T>): Promise<T> {
  try {
    return await method();
  } catch (error) {
    throw toStudioError(error, kind);
  }
}
