/** @file What 8-bit weights cost: the bare model's loss with them and with weights as stored, on the person's own rows. */
import { WebGpuEngine } from '../engine/webgpu/webgpuEngine';
import { evaluatePrompt, pickRows } from '../training/evaluate';
import type { ActiveDataset } from './datasetSlot';
import { createEngine } from './engineChoice';
import { StudioRequestError } from './errors';
import type { ActiveModel } from './modelSlot';

/** Rows that are compared, at most. */
const ROWS = 200;

/**
 * Reads the model's weights once more, as stored, beside those in use. Losses are in nats per label token.
 * @throws StudioRequestError where there is nothing to compare; EngineMemoryError where both do not fit.
 */
export async function compareInt8(
  model: ActiveModel,
  { dataset }: ActiveDataset,
): Promise<{ stored: number; int8: number; rows: number }> {
  if (model.report.weightFormat !== 'int8' || !(model.engine instanceof WebGpuEngine)) {
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
  const rows = pickRows(dataset.validation.length, ROWS);
  const int8 = await evaluatePrompt(model.engine, null, dataset, { rows });
  const { spec, weights, close } = await model.readAgain();
  try {
    const { engine } = await createEngine(spec, weights, 'stored');
    try {
      const stored = await evaluatePrompt(engine, null, dataset, { rows });
      return { stored: stored.loss, int8: int8.loss, rows: rows.length };
    } finally {
      engine.dispose();
    }
  } finally {
    await close();
  }
}
