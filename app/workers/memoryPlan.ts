/** @file What training takes of the device's memory, foreseen from a model's specification and settings. */
import type { ModelSpec } from '../engine/spec';
import { estimateTraining, SAVINGS, type TrainingShape } from '../engine/webgpu/plan/estimate';
import { type CatalogueEntry, catalogue } from '../model/catalogue';
import { weightTypeBytes } from '../model/dtype';
import { describeModel } from '../model/families';
import type { Backend, CatalogueModel, MemoryReport, WeightFormat } from './protocol';

const GIB = 2 ** 30;
/** The guess stays within this: a laptop's share of its memory on one side, most graphics cards on the other. */
const LEAST_GUESS = GIB;
const MOST_GUESS = 8 * GIB;
/** What a tab gives WebAssembly's and plain JavaScript's numbers: their addresses end at 4 GiB, and not all of it is had. */
const PROCESSOR_BUDGET = 2 * GIB;
/** Int8 weights: 32 numbers and their scale in 36 bytes. */
const INT8_BYTES = 36 / 32;

/** Settings that memory is worked out for where there are none yet. */
export const USUAL_SHAPE: TrainingShape = { virtualTokens: 20, batch: 16, length: 64, labels: 8 };

/** How much may be used, and whether that is a guess. */
export interface MemoryBudget {
  bytes: number;
  guessed: boolean;
}

/**
 * Browsers do not say how much memory a GPU has: the largest buffer it allows is a hint, and so is the machine's memory.
 * @param maxBufferSize The device's limit, in bytes; null without WebGPU.
 * @param deviceMemory `navigator.deviceMemory` in GiB, where there is one.
 */
export function guessBudget(maxBufferSize: number | null, deviceMemory: number | undefined): MemoryBudget {
  if (maxBufferSize === null) return { bytes: PROCESSOR_BUDGET, guessed: true };
  const byMachine = deviceMemory === undefined ? MOST_GUESS : (deviceMemory / 2) * GIB;
  const bytes = Math.min(
    Math.max(2 * maxBufferSize, LEAST_GUESS),
    Math.max(byMachine, LEAST_GUESS),
    MOST_GUESS,
  );
  return { bytes, guessed: true };
}

/** What training would take, and what the engine would keep of the forward pass: the most that fits. */
export function planMemory(
  model: { spec: ModelSpec; weightBytes: number },
  shape: TrainingShape,
  budget: MemoryBudget,
  backend: Backend,
): MemoryReport {
  const { spec, weightBytes: weights } = model;
  const needs = estimateTraining(spec, shape);
  const common = { weights, budget: budget.bytes, guessed: budget.guessed };
  if (backend !== 'webgpu') {
    return { ...common, training: needs.all, saving: null, fits: weights + needs.all <= budget.bytes };
  }
  // As the engine chooses: least work within the budget, or else the thriftiest.
  const thriftiest = SAVINGS.reduce((a, b) => (needs[b] < needs[a] ? b : a));
  const saving = SAVINGS.find((one) => weights + needs[one] <= budget.bytes) ?? thriftiest;
  const training = needs[saving];
  return { ...common, training, saving, fits: weights + training <= budget.bytes };
}

/** Numbers in a model's weights, by its configuration alone. @throws ModelError as `describeModel`. */
export function sizesOf(entry: CatalogueEntry): { spec: ModelSpec; parameters: number; weightBytes: number } {
  const { spec, sources } = describeModel(entry.config, new Map());
  // A tensor that two canonical weights are made of is one in the file.
  const names = new Map(
    sources.flatMap(({ parts }) => parts.map(({ name, shape }) => [name, shape] as const)),
  );
  const parameters = [...names.values()].reduce(
    (sum, shape) => sum + shape.reduce((n, size) => n * size, 1),
    0,
  );
  return { spec, parameters, weightBytes: parameters * weightTypeBytes[entry.dtype] };
}

export interface CatalogueInput {
  shape: TrainingShape;
  budget: MemoryBudget;
  backend: Backend;
  /** What weights would lie on the device as; `int8` counts with WebGPU alone. */
  format?: WeightFormat;
  isStored(id: string, revision: string): boolean;
}

/** The catalogue for a device: what fits first, then what fits as int8, each by size. */
export function listModels({ shape, budget, backend, format, isStored }: CatalogueInput): CatalogueModel[] {
  const models = catalogue.map((entry): CatalogueModel => {
    const { spec, parameters, weightBytes } = sizesOf(entry);
    const { id, revision, title, family, licence, kind, gated, note } = entry;
    const asOnDevice = format === 'int8' ? parameters * INT8_BYTES : weightBytes;
    const onDevice = backend === 'webgpu' ? asOnDevice : parameters * weightTypeBytes.F32;
    return {
      id,
      revision,
      title,
      family,
      parameters,
      downloadBytes: entry.downloadBytes ?? weightBytes,
      licence,
      kind,
      contextLength: spec.contextLength,
      gated,
      note,
      memory: planMemory({ spec, weightBytes: onDevice }, shape, budget, backend),
      stored: isStored(id, revision),
    };
  });
  const rank = ({ memory, parameters }: CatalogueModel) => {
    if (memory.fits) return 0;
    const asInt8 = backend === 'webgpu' && parameters * INT8_BYTES + memory.training <= memory.budget;
    return asInt8 ? 1 : 2;
  };
  // The catalogue is in order of size, and sorting keeps the order of equals.
  return models.sort((a, b) => rank(a) - rank(b));
}
