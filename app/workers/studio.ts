/** @file The worker's side of the protocol: model, dataset, run and prompt in use, and what the page asks of them. */
import type { DataOptions, DatasetReport } from '../data/types';
import { exportPrompt } from '../prompt/exportPrompt';
import { suggestSettings } from '../training/suggest';
import { Advice } from './advice';
import { newRecovery } from './bringBack';
import { DatasetSlot } from './datasetSlot';
import { IN_USE } from './datasetStore';
import { StudioRequestError, toStudioError } from './errors';
import { GenerationSlot } from './generationSlot';
import { compareInt8 } from './int8Comparison';
import { ModelFiles } from './modelFiles';
import { type ActiveModel, ModelSlot } from './modelSlot';
import type { Platform } from './platform';
import { PromptSlot } from './promptSlot';
import type {
  Backend,
  CatalogueModel,
  DeviceReport,
  GenerateRequest,
  Int8Cost,
  MemoryReport,
  ModelOrigin,
  ModelProgress,
  ModelReport,
  PromptFormat,
  PromptReport,
  RunSettings,
  SampleDataset,
  SavedWork,
  StorageReport,
  Studio,
  StudioError,
  StudioEvent,
  SuggestedSettings,
  WeightFormat,
} from './protocol';
import type { Recovery } from './recovery';
import { RunSlot } from './runSlot';

interface Open {
  /** The present one: another takes its place when it is lost. */
  device: DeviceReport;
  files: ModelFiles;
  models: ModelSlot;
  data: DatasetSlot;
  runs: RunSlot;
  prompts: PromptSlot;
  generation: GenerationSlot;
  recovery: Recovery;
  advice: Advice;
  emit: (event: StudioEvent) => void;
  store: Awaited<ReturnType<Platform['openRunStore']>>;
}

export class StudioService implements Studio {
  private opened: Open | null = null;
  private comparing: AbortController | null = null;

  constructor(private readonly platform: Platform) {}

  open(baseUrl: string, onEvent: (event: StudioEvent) => void, force?: Backend): Promise<DeviceReport> {
    return attempt('device', async () => {
      const device = await this.platform.startDevice(force);
      const [store, datasetStore, files] = await Promise.all([
        this.platform.openRunStore(),
        this.platform.openDatasetStore(),
        ModelFiles.open(this.platform, baseUrl),
      ]);
      const emit = (event: StudioEvent) => void onEvent(event);
      store?.onChange(() => emit({ type: 'savedChanged' }));
      const recovery = newRecovery(
        this.platform,
        () => this.ready(),
        emit,
        () => this.opened?.generation.cut(),
      );
      const runs = new RunSlot(
        store,
        emit,
        () => void this.tellPrompt().catch(() => undefined),
        () => recovery.isLost(),
      );
      const samplesUrl = new URL('datasets/', baseUrl).href;
      const data = new DatasetSlot(this.platform, samplesUrl, datasetStore, emit);
      const prompts = new PromptSlot(runs, () => this.ready().device);
      this.opened = {
        device,
        files,
        models: new ModelSlot(files),
        data,
        runs,
        prompts,
        generation: new GenerationSlot({ model: () => this.model(), prompts, data, recovery, emit }),
        recovery,
        advice: new Advice(() => this.ready().device),
        emit,
        store,
      };
      recovery.watch();
      return device;
    });
  }

  loadModel(origin: ModelOrigin, format: WeightFormat = 'stored'): Promise<ModelReport> {
    return attempt('model', async () => {
      const { models, runs, prompts, generation, recovery, emit } = this.ready();
      await this.cancelComparison();
      const load = (from: ModelOrigin) =>
        models.load(from, format, (progress) => emit({ type: 'modelProgress', progress }));
      const model = await recovery.repeat(() => load(origin));
      const { revision } = model.report;
      // A branch may have moved when the model has to be loaded again.
      const same = origin.kind === 'hub' && revision !== null ? { ...origin, revision } : origin;
      // Only now, when the new model is whole, is the work with the old one put away.
      await generation.end();
      await runs.clear();
      prompts.forgetImported();
      models.replace(model, () => load(same));
      emit({ type: 'promptChanged', prompt: null });
      return model.report;
    });
  }

  async cancelModel(): Promise<void> {
    // What is loaded to bring a lost device's model back was not asked for here.
    if (!this.opened?.recovery.busy) this.opened?.models.cancel();
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
      return advice.memory(settings, this.model(), data.current?.dataset.report ?? null);
    });
  }

  async setMemoryBudget(bytes: number | null): Promise<void> {
    this.ready().advice.setBudget(bytes);
  }

  compareInt8(): Promise<Int8Cost | null> {
    return attempt('model', async () => {
      const { recovery, data, runs, emit } = this.ready();
      if (runs.busy) throw new StudioRequestError('A run is going on.', 'Pause or stop it first.');
      this.comparing?.abort();
      const comparing = new AbortController();
      this.comparing = comparing;
      const tell = (progress: ModelProgress) => emit({ type: 'modelProgress', progress });
      return recovery.guard(() => compareInt8(this.model(), data.get(), tell, comparing.signal));
    });
  }

  async cancelComparison(): Promise<void> {
    this.comparing?.abort();
  }

  samples(): Promise<SampleDataset[]> {
    return attempt('data', () => this.ready().data.samples());
  }

  openSample(id: string): Promise<DatasetReport> {
    return attempt('data', async () => this.ready().data.openSample(id, this.model()));
  }

  openDataset(file: File, validation?: File): Promise<DatasetReport> {
    return attempt('data', async () => this.ready().data.openFiles(file, validation ?? null, this.model()));
  }

  setDataOptions(options: DataOptions): Promise<DatasetReport> {
    return attempt('data', async () => this.ready().data.setOptions(options, this.model()));
  }

  closeDataset(): Promise<void> {
    return attempt('data', async () => this.ready().data.close());
  }

  restoreDataset(): Promise<DatasetReport> {
    return attempt('data', async () => this.ready().data.restoreBefore(this.model()));
  }

  suggestSettings(): Promise<SuggestedSettings> {
    return attempt('training', async () => {
      const { engine, measures } = this.model();
      const { data, device } = this.ready();
      return suggestSettings({
        spec: engine.spec,
        elementRms: measures.elementRms,
        dataset: data.get().dataset.report,
        gpu: device.backend === 'webgpu' && !device.software,
      });
    });
  }

  train(settings: RunSettings): Promise<string> {
    return attempt('training', async () => {
      const { runs, recovery } = this.ready();
      const run = await recovery.guard(() => this.newRun(settings));
      runs.go(run, 'start');
      return run.trainer.runId;
    });
  }

  step(settings: RunSettings): Promise<string> {
    return attempt('training', async () => {
      const { runs, recovery } = this.ready();
      await recovery.ready();
      const paused = runs.current?.trainer.state.phase === 'paused' ? runs.current : null;
      const run = paused ?? (await recovery.guard(() => this.newRun(settings)));
      runs.go(run, 'singleStep');
      return run.trainer.runId;
    });
  }

  pause(): Promise<void> {
    return attempt('training', async () => {
      const { runs } = this.ready();
      await this.rested();
      await runs.get().trainer.pause();
    });
  }

  resume(): Promise<void> {
    return attempt('training', async () => {
      const { runs, recovery } = this.ready();
      await recovery.ready();
      const run = runs.get();
      if (run.trainer.state.phase !== 'paused') {
        throw new StudioRequestError('Only a paused run can be resumed.', 'Press Train to start a new one.');
      }
      runs.go(run, 'resume');
    });
  }

  stop(): Promise<void> {
    return attempt('training', async () => {
      await this.rested();
      await this.ready().runs.get().trainer.stop();
      await this.tellPrompt();
    });
  }

  saved(): Promise<SavedWork> {
    return attempt('training', async () => {
      const { store, data } = this.ready();
      const last = (await store?.list())?.[0] ?? null;
      const dataset = await data.stored(last?.runId ?? IN_USE);
      const run = last && {
        runId: last.runId,
        step: last.step,
        steps: last.steps,
        phase: last.phase,
        elsewhere: last.elsewhere,
      };
      return { dataset: dataset?.name ?? null, run };
    });
  }

  restore(runId?: string | null): Promise<{ dataset: DatasetReport | null; runId: string | null }> {
    return attempt('training', async () => {
      const { store, data, runs, recovery } = this.ready();
      await recovery.ready();
      const model = this.model();
      const kept = (await store?.list()) ?? [];
      const last = runId === undefined ? kept[0] : kept.find((run) => run.runId === runId);
      const stored = await data.stored(last?.runId ?? IN_USE);
      const checkpoint = last && (await store?.load(last.runId));
      if (checkpoint && !stored && data.current?.dataset.report.hash !== checkpoint.dataHash) {
        throw new StudioRequestError(
          'The dataset of this run could not be kept with it.',
          'Open the same file with the same options, then press Continue again.',
        );
      }
      // Before anything is replaced: the run may be open in another tab.
      if (checkpoint) await runs.claim(checkpoint.runId);
      const dataset = stored && (await data.openStored(stored, model));
      if (!checkpoint) return { dataset, runId: null };
      const { trainer } = await runs.restore(checkpoint, model, data.get());
      void trainer.announce();
      await this.tellPrompt();
      return { dataset, runId: checkpoint.runId };
    });
  }

  discardSaved(): Promise<void> {
    return attempt('training', async () => {
      const { store, data, runs } = this.ready();
      const present = runs.current?.trainer.runId;
      for (const { runId } of (await store?.list()) ?? []) {
        if (runId === present) continue;
        if (await store?.remove(runId)) data.forget(runId);
      }
      if (!data.current) data.forget(IN_USE);
    });
  }

  generate(requestId: number, request: GenerateRequest): Promise<void> {
    return attempt('generation', () => this.ready().generation.answer(requestId, request));
  }

  async cancelGenerate(): Promise<void> {
    await this.opened?.generation.end();
  }

  download(format: PromptFormat): Promise<{ name: string; type: string; bytes: Uint8Array<ArrayBuffer> }> {
    return attempt('prompt', async () => exportPrompt(await this.ready().prompts.require(), format));
  }

  importPrompt(files: File[]): Promise<PromptReport> {
    return attempt('prompt', async () => {
      const { prompts, emit } = this.ready();
      const report = await prompts.import(files, this.model());
      emit({ type: 'promptChanged', prompt: report });
      return report;
    });
  }

  forgetPrompt(): Promise<PromptReport | null> {
    return attempt('prompt', async () => {
      const { prompts } = this.ready();
      prompts.forgetImported();
      return this.tellPrompt();
    });
  }

  private ready(): Open {
    if (!this.opened) throw new StudioRequestError('The studio has not been opened yet.');
    return this.opened;
  }

  private model(): ActiveModel {
    return this.ready().models.get();
  }

  /** Waits for a recovery that is under way, which then leaves the run at rest. */
  private async rested(): Promise<void> {
    const { runs, recovery } = this.ready();
    if (!recovery.busy) return;
    runs.hold();
    await recovery.ready();
  }

  /** A fresh run on model and dataset in use. An imported prompt gives way to what the run makes. */
  private async newRun(settings: RunSettings) {
    const { advice, runs, data, prompts } = this.ready();
    await this.cancelComparison();
    advice.apply(this.model());
    const run = await runs.create(settings, this.model(), data.get(), prompts.file);
    prompts.preferRun();
    data.keep(run.trainer.runId);
    for (const runId of await runs.forgetOld()) data.forget(runId);
    await this.tellPrompt();
    return run;
  }

  private async tellPrompt(): Promise<PromptReport | null> {
    const { prompts, emit } = this.ready();
    const prompt = await prompts.report();
    emit({ type: 'promptChanged', prompt });
    return prompt;
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
