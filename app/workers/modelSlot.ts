/** @file The model in use: its engine, tokenizer and measures. A load that fails or is cancelled leaves the present one. */
import { untilAborted } from '../data/eventLoop';
import { createEngine, MOST_ON_PROCESSOR } from '../engine/choice';
import type { Engine } from '../engine/engine';
import type { ModelSpec, WeightStream } from '../engine/spec';
import { type EmbeddingMeasures, measureEmbeddings } from '../inspect/measures';
import type { ChatTemplate } from '../model/chatTemplate';
import type { ModelIdentity } from '../model/identity';
import { type LoadOptions, openModel, openWeights } from '../model/load';
import type { Quantised } from '../model/source';
import type { Tokenizer } from '../model/tokenizer';
import type { OpenSource } from '../model/urlSource';
import { StudioRequestError } from './errors';
import type { ModelFiles } from './modelFiles';
import { cancelledLoad, ModelLoad } from './modelLoad';
import type { ModelOrigin, ModelProgress, ModelReport, WeightFormat } from './protocol';

export interface ActiveModel {
  engine: Engine;
  tokenizer: Tokenizer;
  /** Its chat template, where it has one. */
  chat: ChatTemplate | null;
  identity: ModelIdentity;
  measures: EmbeddingMeasures;
  /** Null where its weights are as they were trained. */
  quantised: Quantised | null;
  report: ModelReport;
  /** Identifies the model in checkpoints. */
  key: string;
  /** Identifies all that token ids depend on: the model, its tokenizer, its chat template. Of two loads of one model it is the same. */
  textKey: string;
  /** Its weights once more, from where they came; `close` when they have been delivered. @throws ModelError */
  readAgain(
    options: LoadOptions,
  ): Promise<{ spec: ModelSpec; weights: WeightStream; close(): Promise<void> }>;
}

/** The sample for measuring how near real tokens are to each other is the same at every visit. */
const MEASURE_SEED = 1;

export class ModelSlot {
  private active: ActiveModel | null = null;
  /** What the person has asked for. */
  private asked: ModelLoad | null = null;
  /** What brings the present model back on another device. */
  private reloading: ModelLoad | null = null;
  private again: ((load: ModelLoad) => Promise<ActiveModel>) | null = null;
  private change = newChange();

  constructor(
    private readonly files: ModelFiles,
    /** Makes the processor the device of the page, for the reason given. */
    private readonly toProcessor: (reason: string) => Promise<void>,
  ) {}

  /** @throws StudioRequestError when no model is loaded. */
  get(): ActiveModel {
    if (!this.active) throw new StudioRequestError('No model is loaded yet.', 'Wait until it has loaded.');
    return this.active;
  }

  get current(): ActiveModel | null {
    return this.active;
  }

  /** Whether another model is on its way. */
  get loading(): boolean {
    return this.asked !== null;
  }

  /** Resolves once there is a model, if only the one that another is about to replace. @throws the signal's reason */
  async present(signal: AbortSignal): Promise<void> {
    while (!this.active) await this.changed(signal);
  }

  /** Resolves once there is a model and none is on its way. @throws the signal's reason */
  async settled(signal: AbortSignal): Promise<void> {
    while (!this.active || this.asked) await this.changed(signal);
  }

  /** Announces a load, which ends the one before. Every load that has begun ends with `finish`. */
  begin(): ModelLoad {
    const before = this.asked;
    before?.cancel();
    this.asked = new ModelLoad(before);
    return this.asked;
  }

  finish(load: ModelLoad): void {
    load.end();
    if (this.asked === load) this.asked = null;
    this.tellChange();
  }

  /**
   * Loads a model beside the present one. The caller puts it in place with `replace` once nothing uses the present one.
   * @throws ModelError; StudioRequestError when cancelled or overtaken by another load.
   */
  async read(
    origin: ModelOrigin,
    format: WeightFormat,
    onProgress: (progress: ModelProgress) => void,
    load: ModelLoad,
  ): Promise<ActiveModel> {
    const signal = load.begin();
    try {
      const opened = await this.files.source(origin, signal);
      const { id, revision } = opened;
      const { engine, report, model, identity } = await this.build(opened, format, onProgress, signal);
      try {
        const measures = await measureEmbeddings(engine, MEASURE_SEED);
        signal.throwIfAborted();
        const { spec, tokenizer, chat, parameters, bytes, dtype, quantised } = model;
        // Codes stay as they are, whatever was asked for.
        const int8 = format === 'int8' && !quantised;
        const key = [
          id,
          identity.weightsHash.slice(0, 16),
          identity.embeddingHash.slice(0, 16),
          ...(int8 ? ['int8'] : []),
        ].join(' ');
        const text = [identity.tokenizerHash, chat?.hash ?? '', tokenizer.endOfTextId, spec.contextLength];
        return {
          engine,
          tokenizer,
          chat,
          identity,
          measures,
          quantised,
          key,
          textKey: [key, ...text].join(' '),
          readAgain: (options) =>
            this.readAgain(
              origin.kind === 'hub' ? { ...origin, revision: revision ?? origin.revision } : origin,
              options,
            ),
          report: {
            id,
            revision,
            // Only on the GPU they can lie as 8 bits; the reference widens them to 32, whatever was asked for.
            weightFormat: engine.name === 'webgpu' && int8 ? 'int8' : 'stored',
            weightBytes: engine.usage?.().weightBytes ?? parameters * 4,
            notKept: opened.notKept(),
            notes: model.notes,
            chat: chat !== null,
            modelType: spec.modelType,
            parameters,
            bytes,
            dtype,
            quantised: quantised !== null,
            vocabSize: spec.vocabSize,
            hidden: spec.hidden,
            layers: spec.layers.length,
            contextLength: spec.contextLength,
            fromCache: model.local,
            engine: report,
          },
        };
      } catch (error) {
        engine.dispose();
        throw error;
      }
    } catch (error) {
      if (signal.aborted) throw cancelledLoad();
      throw error;
    }
  }

  /** Of the model in use; 0 where there is none. */
  get parameters(): number {
    return this.active?.report.parameters ?? 0;
  }

  /** An engine with the model's weights, and what the model is by their bytes. */
  private async build(
    { source, id, revision, markComplete }: OpenSource,
    format: WeightFormat,
    onProgress: (progress: ModelProgress) => void,
    signal: AbortSignal,
  ) {
    try {
      const model = await openModel(source, { id, revision, onProgress, signal });
      const weights: WeightStream = {
        shapes: model.weights.shapes,
        async deliver(sink) {
          await model.weights.deliver(sink);
          onProgress({ phase: 'compiling', file: id, loaded: 0, total: 0, speed: null });
        },
      };
      // Kernels are compiled first, and a new device is tried out.
      onProgress({ phase: 'compiling', file: id, loaded: 0, total: 0, speed: null });
      // A model that is in use holds the GPU, and a large one would never end on the processor.
      const free = this.active === null && model.parameters <= MOST_ON_PROCESSOR;
      const { engine, report } = await createEngine(model.spec, weights, {
        format,
        ...(free && { toProcessor: this.toProcessor }),
      });
      await markComplete();
      return { engine, report, model, identity: model.identity() };
    } finally {
      await source.close();
    }
  }

  private async readAgain(origin: ModelOrigin, options: LoadOptions) {
    const { source } = await this.files.source(origin, options.signal);
    try {
      const { spec, weights } = await openWeights(source, options);
      return { spec, weights, close: () => source.close() };
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** `again` is how it is loaded once more after the loss of its device. */
  replace(model: ActiveModel, again: (load: ModelLoad) => Promise<ActiveModel>): void {
    this.active?.engine.dispose();
    this.active = model;
    this.again = again;
    this.tellChange();
  }

  /** Lets go of an engine whose device is lost; `reload` brings another in its place. */
  abandon(): void {
    this.asked?.breakOff();
    this.reloading?.cancel();
    try {
      this.active?.engine.dispose();
    } catch {
      // Nothing is left on a lost device that could leak.
    }
  }

  /** Loads the model in use again, on the device that there is now; null where none was in use. @throws as `read`. */
  async reload(): Promise<ActiveModel | null> {
    const before = this.active;
    if (!before || !this.again) return null;
    const load = new ModelLoad(null);
    this.reloading = load;
    const model = await this.again(load);
    // Another loss may have overtaken this one.
    if (this.active !== before) {
      model.engine.dispose();
      throw new StudioRequestError('Another model has been loaded meanwhile.');
    }
    this.active = model;
    return model;
  }

  /** Ends the load that was asked for. */
  cancel(): void {
    this.asked?.cancel();
  }

  /** @throws the signal's reason */
  private async changed(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await untilAborted(this.change.promise, signal);
    signal.throwIfAborted();
  }

  private tellChange(): void {
    const { resolve } = this.change;
    this.change = newChange();
    resolve();
  }
}

function newChange(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
