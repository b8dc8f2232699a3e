/** @file The model in use: its engine, tokenizer and measures. A load that fails or is cancelled leaves the present one. */
import type { Engine } from '../engine/engine';
import { type EmbeddingMeasures, measureEmbeddings } from '../inspect/measures';
import { loadModel } from '../model/load';
import type { FileSource } from '../model/source';
import type { Tokenizer } from '../model/tokenizer';
import type { ModelIdentity } from '../prompt/types';
import { createEngine } from './engineChoice';
import { StudioRequestError } from './errors';
import type { ModelProgress, ModelReport } from './protocol';

export interface ActiveModel {
  engine: Engine;
  tokenizer: Tokenizer;
  identity: ModelIdentity;
  measures: EmbeddingMeasures;
  report: ModelReport;
  /** Identifies the model in checkpoints. */
  key: string;
}

/** The sample for measuring how near real tokens are to each other is the same at every visit. */
const MEASURE_SEED = 1;

export class ModelSlot {
  private active: ActiveModel | null = null;
  private loading: AbortController | null = null;

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
    source: FileSource,
    id: string,
    onProgress: (progress: ModelProgress) => void,
  ): Promise<ActiveModel> {
    this.cancel();
    const loading = new AbortController();
    this.loading = loading;
    const { signal } = loading;
    try {
      const model = await loadModel(source, { id, onProgress, signal });
      onProgress({ phase: 'uploading', file: id, loaded: 0, total: model.bytes });
      onProgress({ phase: 'compiling', file: id, loaded: 0, total: 0 });
      const { engine, report } = await createEngine(model.spec, model.weights);
      try {
        const measures = await measureEmbeddings(engine, MEASURE_SEED);
        signal.throwIfAborted();
        const { spec, tokenizer, identity, parameters, bytes, dtype, fromCache } = model;
        return {
          engine,
          tokenizer,
          identity,
          measures,
          key: [id, identity.weightsHash.slice(0, 16), identity.embeddingHash.slice(0, 16)].join(' '),
          report: {
            id,
            modelType: spec.modelType,
            parameters,
            bytes,
            dtype,
            vocabSize: spec.vocabSize,
            hidden: spec.hidden,
            layers: spec.layers.length,
            contextLength: spec.contextLength,
            fromCache,
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

  replace(model: ActiveModel): void {
    this.active?.engine.dispose();
    this.active = model;
  }

  cancel(): void {
    this.loading?.abort();
  }
}
