/** @file The worker's side of the protocol: model, dataset, run and prompt in use, and what the page asks of them. */
import type { DataOptions, DatasetReport } from '../data/types';
import { exportPrompt } from '../prompt/exportPrompt';
import { suggestSettings } from '../training/suggest';
import { DatasetSlot } from './datasetSlot';
import { IN_USE } from './datasetStore';
import { StudioRequestError, toStudioError } from './errors';
import { type ActiveModel, ModelSlot } from './modelSlot';
import type { Platform } from './platform';
import { generateAnswers, type PlaygroundInput } from './playground';
import { PromptSlot, uploadPrompt } from './promptSlot';
import type {
  Backend,
  DeviceReport,
  GenerateRequest,
  ModelReport,
  PromptFormat,
  PromptReport,
  RunSettings,
  SampleDataset,
  SavedWork,
  Studio,
  StudioError,
  StudioEvent,
  SuggestedSettings,
} from './protocol';
import { RunSlot } from './runSlot';

interface Open {
  device: DeviceReport;
  models: ModelSlot;
  data: DatasetSlot;
  runs: RunSlot;
  prompts: PromptSlot;
  emit: (event: StudioEvent) => void;
  store: Awaited<ReturnType<Platform['openRunStore']>>;
}

export class StudioService implements Studio {
  private opened: Open | null = null;
  private generating: { abort: AbortController; done: Promise<void> } | null = null;

  constructor(private readonly platform: Platform) {}

  open(baseUrl: string, onEvent: (event: StudioEvent) => void, force?: Backend): Promise<DeviceReport> {
    return attempt('device', async () => {
      const device = await this.platform.startDevice(force);
      const [store, datasetStore] = await Promise.all([
        this.platform.openRunStore(),
        this.platform.openDatasetStore(),
      ]);
      const emit = (event: StudioEvent) => void onEvent(event);
      const runs = new RunSlot(store, emit, () => void this.tellPrompt().catch(() => undefined));
      const samplesUrl = new URL('datasets/', baseUrl).href;
      this.opened = {
        device,
        models: new ModelSlot(),
        data: new DatasetSlot(this.platform, samplesUrl, datasetStore, emit),
        runs,
        prompts: new PromptSlot(runs, () => device),
        emit,
        store,
      };
      return device;
    });
  }

  loadModel(url: string, id: string): Promise<ModelReport> {
    return attempt('model', async () => {
      const { models, runs, prompts, emit } = this.ready();
      const model = await models.load(this.platform.modelFiles(url), id, (progress) =>
        emit({ type: 'modelProgress', progress }),
      );
      // Only now, when the new model is whole, is the work with the old one put away.
      await this.endGeneration();
      await runs.clear();
      prompts.forgetImported();
      models.replace(model);
      emit({ type: 'promptChanged', prompt: null });
      return model.report;
    });
  }

  async cancelModel(): Promise<void> {
    this.opened?.models.cancel();
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
      const run = await this.newRun(settings);
      this.ready().runs.go(run, 'start');
      return run.trainer.runId;
    });
  }

  step(settings: RunSettings): Promise<string> {
    return attempt('training', async () => {
      const { runs } = this.ready();
      const paused = runs.current?.trainer.state.phase === 'paused' ? runs.current : null;
      const run = paused ?? (await this.newRun(settings));
      runs.go(run, 'singleStep');
      return run.trainer.runId;
    });
  }

  pause(): Promise<void> {
    return attempt('training', () => this.ready().runs.get().trainer.pause());
  }

  resume(): Promise<void> {
    return attempt('training', async () => {
      const { runs } = this.ready();
      const run = runs.get();
      if (run.trainer.state.phase !== 'paused') {
        throw new StudioRequestError('Only a paused run can be resumed.', 'Press Train to start a new one.');
      }
      runs.go(run, 'resume');
    });
  }

  stop(): Promise<void> {
    return attempt('training', async () => {
      await this.ready().runs.get().trainer.stop();
      await this.tellPrompt();
    });
  }

  saved(): Promise<SavedWork> {
    return attempt('training', async () => {
      const { store, data } = this.ready();
      const last = (await store?.list())?.[0] ?? null;
      const dataset = await data.stored(last?.runId ?? IN_USE);
      const run = last && { runId: last.runId, step: last.step, steps: last.steps, phase: last.phase };
      return { dataset: dataset?.name ?? null, run };
    });
  }

  restore(): Promise<{ dataset: DatasetReport | null; runId: string | null }> {
    return attempt('training', async () => {
      const { store, data, runs } = this.ready();
      const model = this.model();
      const last = (await store?.list())?.[0];
      const stored = await data.stored(last?.runId ?? IN_USE);
      const dataset = stored && (await data.openStored(stored, model));
      const checkpoint = last && (await store?.load(last.runId));
      if (!checkpoint || !dataset) return { dataset, runId: null };
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
        await store?.remove(runId);
        data.forget(runId);
      }
      if (!data.current) data.forget(IN_USE);
    });
  }

  generate(requestId: number, request: GenerateRequest): Promise<void> {
    return attempt('generation', async () => {
      const before = this.endGeneration();
      const abort = new AbortController();
      const done = before.then(() => this.answer(requestId, request, abort.signal));
      this.generating = { abort, done };
      await done;
    });
  }

  async cancelGenerate(): Promise<void> {
    await this.endGeneration();
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

  /** A fresh run on model and dataset in use. An imported prompt gives way to what the run makes. */
  private async newRun(settings: RunSettings) {
    const { runs, data, prompts } = this.ready();
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

  /** The template that the prompt in use was trained with: an imported one's own, else the dataset's. */
  private inputTemplate(): PlaygroundInput['template'] {
    const { prompts, data } = this.ready();
    const dataset = data.current;
    if (dataset && !prompts.inUse) {
      return { text: dataset.dataset.report.options.inputTemplate, columns: dataset.table.columns };
    }
    const text = prompts.inUse?.artefact.card.inputTemplate;
    if (!text) return null;
    return { text, columns: [...text.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name) };
  }

  private async answer(requestId: number, request: GenerateRequest, signal: AbortSignal): Promise<void> {
    const { prompts, emit } = this.ready();
    const model = this.model();
    const uploaded = request.columns.includes('with') ? uploadPrompt(await prompts.require()) : null;
    try {
      const template = this.inputTemplate();
      const prompt = uploaded?.prompt ?? null;
      await generateAnswers({ model, request, requestId, template, prompt, signal, emit });
    } finally {
      uploaded?.dispose();
    }
  }

  private async endGeneration(): Promise<void> {
    const ending = this.generating;
    this.generating = null;
    ending?.abort.abort();
    await ending?.done.catch(() => undefined);
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
