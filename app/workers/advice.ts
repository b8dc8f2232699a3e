/** @file What the page is told of memory: how much may be used, what the settings take of it, and which models fit. */
import type { DatasetReport } from '../data/types';
import { guessBudget, type MemoryBudget, planMemory, USUAL_SHAPE } from '../engine/memoryForecast';
import type { TrainingShape } from '../engine/webgpu/plan/estimate';
import { lanesOf } from '../training/sweep/lanes';
import { listModels } from './modelList';
import type { ActiveModel } from './modelSlot';
import type {
  CatalogueModel,
  DeviceReport,
  MemoryReport,
  RunSettings,
  StoredModel,
  WeightFormat,
} from './protocol';

export class Advice {
  private chosen: number | null = null;

  /** @param device the present one */
  constructor(private readonly device: () => DeviceReport) {}

  /** @param bytes null goes back to the guess */
  setBudget(bytes: number | null): void {
    this.chosen = bytes;
  }

  get budget(): MemoryBudget {
    if (this.chosen !== null) return { bytes: this.chosen, guessed: false };
    // Node has no navigator before version 21.
    const navigator = globalThis.navigator as { deviceMemory?: number } | undefined;
    return guessBudget(this.device().largestBuffer, navigator?.deviceMemory);
  }

  /** Lets an engine's next plans take what the weights leave of the budget. */
  apply({ engine, report }: Pick<ActiveModel, 'engine' | 'report'>): void {
    engine.setMemoryBudget?.(this.budget.bytes - report.weightBytes);
  }

  memory(
    settings: RunSettings,
    { engine, report }: Pick<ActiveModel, 'engine' | 'report'>,
    data: DatasetReport | null,
  ): MemoryReport {
    const model = { spec: engine.spec, weightBytes: report.weightBytes };
    return planMemory(model, trainingShape(settings, data), this.budget, this.device().backend);
  }

  catalogue(
    settings: RunSettings | null,
    data: DatasetReport | null,
    kept: readonly StoredModel[],
    format?: WeightFormat,
  ): CatalogueModel[] {
    const whole = new Set(kept.filter(({ complete }) => complete).map(({ id }) => id));
    return listModels({
      shape: settings ? trainingShape(settings, data) : USUAL_SHAPE,
      budget: this.budget,
      backend: this.device().backend,
      format,
      isStored: (id) => whole.has(id),
    });
  }
}

/** Every text as long as the longest, of every prompt that is trained in the same steps: the batch that the run may meet. */
function trainingShape(settings: RunSettings, data: DatasetReport | null): TrainingShape {
  const room = Number.POSITIVE_INFINITY;
  const training = data?.training ?? room;
  const lanes = lanesOf(settings, { room, training, classes: data?.classes != null, own: new Set() });
  const virtualTokens = lanes.reduce((sum, lane) => sum + lane.settings.virtualTokens, 0);
  const batch = lanes.length * settings.batchSize;
  if (!data) return { ...USUAL_SHAPE, virtualTokens, batch };
  const rows = Math.max(1, data.training + data.validation);
  const labels = Math.max(1, Math.ceil(data.labelTokens / rows));
  return { virtualTokens, batch, length: data.lengths.max, labels };
}
