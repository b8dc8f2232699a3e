/** @file The catalogue as a list for a device: what each model takes, and which fit. */
import { type MemoryBudget, planMemory } from '../engine/memoryForecast';
import type { ModelSpec } from '../engine/spec';
import type { TrainingShape } from '../engine/webgpu/plan/estimate';
import { type CatalogueEntry, catalogue } from '../model/catalogue';
import { weightTypeBytes } from '../model/dtype';
import { describeModel } from '../model/families';
import type { Backend, CatalogueModel, WeightFormat } from './protocol';

/** Int8 weights: 32 numbers and their scale in 36 bytes. */
const INT8_BYTES = 36 / 32;

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
    // The processor's kernels take weights as stored, plain JavaScript widens them.
    const onProcessor = backend === 'wasm' ? weightBytes : parameters * weightTypeBytes.F32;
    const onDevice = backend === 'webgpu' ? asOnDevice : onProcessor;
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
