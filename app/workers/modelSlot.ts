/** @file The model in use: its engine, tokenizer and measures. A load that fails or is cancelled leaves the present one. */

import { createEngine } from '../engine/choice';
import type { Engine } from '../engine/engine';
import type { ModelSpec, WeightStream } from '../engine/spec';
import { WebGpuEngine } from '../engine/webgpu/webgpuEngine';
import { type EmbeddingMeasures, measureEmbeddings } from '../inspect/measures';
import type { ChatTemplate } from '../model/chatTemplate';
import type { ModelIdentity } from '../model/identity';
import { type LoadOptions, openModel, openWeights } from '../model/load';
import type { Tokenizer } from '../model/tokenizer';
import type { OpenSource } from '../model/urlSource';
import { StudioRequestError } from './errors';
import type { ModelFiles } from './modelFiles';
import type { ModelOrigin, ModelProgress, ModelReport, WeightFormat } from './protocol';

export interface ActiveModel {
  engine: Engine;
  tokenizer: Tokenizer;
  /** Its chat template, where it has one. */
  chat: ChatTemplate | null;
  identity: ModelIdentity;
  measures: EmbeddingMeasures;
  report: ModelReport;
  /** Identifies the model in checkpoints. */
  key: string;
  /** Its weights once more, from where they came; `close` when they have been delivered. @throws ModelError */
  readAgain(
    options: LoadOptions,
  ): Promise<{ spec: ModelSpec; weights: WeightStream; close(): Promise<void> }>;
}

/** The sample for measuring how near real tokens are to each other is the same at every visit. */
const MEASURE_SEED = 1;

export class ModelSlot {
  private active: ActiveModel | null = null;
  private loading: AbortController | null = null;
  private again: (() => Promise<ActiveModel>) | null = null;

  constructor(private readonly files: ModelFiles) {}

  /** @throws StudioRequestError when no model is loaded. */
  get(): ActiveModel {
    if (!this.active) throw new StudioRequestError('No model is loaded yet.', 'Wait until it has loaded.');
    return this.active;
  }

  /**
   * Loads a model beside the present one. The caller puts it in place with `replace` once nothing uses the present one.
   * @throws ModelError; StudioRequestError when cancelled or overtaken by another load.
   */
  async load(
    origin: ModelOrigin,
    format: WeightFormat,
    onProgress: (progress: ModelProgress) => void,
  ): Promise<ActiveModel> {
    this.cancel();
    const loading = new AbortController();
    this.loading = loading;
    const { signal } = loading;
    try {
      const opened = await this.files.source(origin, signal);
      const { id, revision } = opened;
      const { engine, report, model, identity } = await this.build(opened, format, onProgress, signal);
      try {
        const measures = await measureEmbeddings(engine, MEASURE_SEED);
        signal.throwIfAborted();
        const { spec, tokenizer, chat, parameters, bytes, dtype } = model;
        return {
          engine,
          tokenizer,
          chat,
          identity,
          measures,
          key: [
            id,
            identity.weightsHash.slice(0, 16),
            identity.embeddingHash.slice(0, 16),
            ...(format === 'int8' ? ['int8'] : []),
          ].join(' '),
          readAgain: (options) =>
            this.readAgain(
              origin.kind === 'hub' ? { ...origin, revision: revision ?? origin.revision } : origin,
              options,
            ),
          report: {
            id,
            revision,
            // Only on the GPU they can lie as 8 bits; the reference widens them to 32, whatever was asked for.
            weightFormat: engine instanceof WebGpuEngine ? format : 'stored',
            weightBytes: engine.usage?.().weightBytes ?? parameters * 4,
            notKept: opened.notKept(),
            chat: chat !== null,
            modelType: spec.modelType,
            parameters,
            bytes,
            dtype,
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
      if (signal.aborted) throw new StudioRequestError('Loading was cancelled; the model before stays.');
      throw error;
    } finally {
      if (this.loading === loading) this.loading = null;
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
      const { engine, report } = await createEngine(model.spec, weights, format);
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

  /** `load` is how it was loaded, and how it is loaded again after the loss of its device. */
  replace(model: ActiveModel, load: () => Promise<ActiveModel>): void {
    this.active?.engine.dispose();
    this.active = model;
    this.again = load;
  }

  /** Lets go of an engine whose device is lost; `reload` brings another in its place. */
  abandon(): void {
    this.cancel();
    try {
      this.active?.engine.dispose();
    } catch {
      // Nothing is left on a lost device that could leak.
    }
  }

  /** Loads the model in use again, on the device that there is now; null where none was in use. @throws as `load`. */
  async reload(): Promise<ActiveModel | null> {
    const before = this.active;
    if (!before || !this.again) return null;
    const model = await this.again();
    // Another loss may have overtaken this one.
    if (this.active !== before) {
      model.engine.dispose();
      throw new StudioRequestError('Another model has been loaded meanwhile.');
    }
    this.active = model;
    return model;
  }

  cancel(): void {
    this.loading?.abort();
  }
}
