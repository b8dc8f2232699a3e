/** @file What 8-bit weights cost: the bare model's loss with them and with weights as stored, on the person's own rows. */

import { createEngine } from '../engine/choice';
import type { Engine } from '../engine/engine';
import { pickRows } from '../evaluation/pickRows';
import { evaluatePrompt } from '../training/evaluate';
import type { ActiveDataset } from './datasetSlot';
import { StudioRequestError } from './errors';
import type { ActiveModel } from './modelSlot';
import type { Int8Cost, ModelProgress } from './protocol';

/** Rows that are compared, at most. */
const ROWS = 200;

/**
 * Reads the model's weights once more, as stored, beside those in use. Losses are in nats per label token.
 * Null when it was cancelled.
 * @throws StudioRequestError where there is nothing to compare; EngineMemoryError where both do not fit.
 */
export async function compareInt8(
  model: ActiveModel,
  { dataset }: ActiveDataset,
  onProgress: (progress: ModelProgress) => void,
  signal: AbortSignal,
): Promise<Int8Cost | null> {
  if (model.report.weightFormat !== 'int8' || model.engine.name !== 'webgpu') {
    throw new StudioRequestError(
      'The model’s weights are in use as they are stored, so there is nothing to compare.',
      'Load it with 8-bit weights first.',
    );
  }
  if (dataset.validation.length === 0) {
    throw new StudioRequestError(
      'The dataset has no validation rows to compare on.',
      'Keep some rows for validation in the data options.',
    );
  }
  const { validation, validationExamples, classTokens } = dataset;
  const rows = pickRows(validation.length, ROWS);
  const lossOf = async (engine: Engine, before: number): Promise<number> => {
    // Which class is the likeliest would take a pass for every class, and is not asked.
    const data = { validation, validationExamples, classTokens, classes: null };
    const { loss } = await evaluatePrompt(engine, null, data, {
      rows,
      signal,
      onProgress: (done) =>
        onProgress({
          phase: 'comparing',
          file: '',
          loaded: before + done,
          total: 2 * rows.length,
          speed: null,
        }),
    });
    return loss;
  };
  try {
    const int8 = await lossOf(model.engine, 0);
    const { spec, weights, close } = await model.readAgain({ onProgress, signal });
    try {
      const { engine } = await createEngine(spec, weights);
      try {
        return { stored: await lossOf(engine, rows.length), int8, rows: rows.length };
      } finally {
        engine.dispose();
      }
    } finally {
      await close();
    }
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  }
}
