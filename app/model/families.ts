/** @file From a model's configuration and the names in its checkpoint to what the engines need. */
import { z } from 'zod';
import type { ModelSpec } from '../engine/spec';
import { readable } from '../formats/readable';
import type { TensorEntry } from '../formats/safetensors';
import { isWeightType } from './dtype';
import { ModelError } from './errors';
import type { Family, NamePrefix, WeightSource } from './families/family';
import { gpt2 } from './families/gpt2';
import { gptNeo } from './families/gptNeo';
import { gptNeox } from './families/gptNeox';
import { llamaFamilies } from './families/llama';
import { textConfig, wrapperTypes } from './families/multimodal';
import { opt } from './families/opt';
import { phi } from './families/phi';

export type { PartLayout, TensorPart, WeightSource } from './families/family';
export { transformersClass } from './families/multimodal';

const families = new Map<string, Family>([
  ...Object.entries(llamaFamilies),
  ['gpt2', gpt2],
  ['gpt_neo', gptNeo],
  ['gpt_neox', gptNeox],
  ['opt', opt],
  ['phi', phi],
]);

/** Every `model_type` that can be loaded, in alphabetical order; of models that also see, their text part. */
export const knownModelTypes: readonly string[] = [...families.keys(), ...wrapperTypes].sort();

export interface ModelDescription {
  spec: ModelSpec;
  /** Where each canonical weight comes from, in the order an engine meets them. */
  sources: WeightSource[];
}

const configSchema = z.looseObject({ model_type: z.string() });

/**
 * Reads a configuration.
 * @param config Content of config.json.
 * @param tensors What the checkpoint has; tells prefix and stored type. Whether all is there is for `readWeights` to say.
 * @throws ModelError `malformed` on an impossible configuration, `unsupported` on an unknown family or variant.
 */
export function describeModel(
  config: unknown,
  tensors: ReadonlyMap<string, Pick<TensorEntry, 'dtype'>>,
): ModelDescription {
  const known = `Known are ${knownModelTypes.join(', ')}.`;
  const parsed = configSchema.safeParse(config);
  if (!parsed.success) {
    throw new ModelError(
      'malformed',
      'config.json does not say its model_type.',
      `Take config.json from the model itself. ${known}`,
    );
  }
  const { model_type: modelType } = parsed.data;
  const text = wrapperTypes.includes(modelType)
    ? textConfig(modelType, parsed.data)
    : { modelType, config: parsed.data };
  const family = families.get(text.modelType);
  if (!family) {
    throw new ModelError(
      'unsupported',
      `config.json: model_type "${readable(modelType, 80)}" is not known.`,
      `Choose another model. ${known}`,
    );
  }
  const prefix = findPrefix(family, tensors);
  const dtype = tensors.get(prefix.body + family.embedding)?.dtype ?? 'F32';
  const { spec, sources } = family.read(text.config, isWeightType(dtype) ? dtype : 'F32');
  return { spec, sources: sources(prefix) };
}

/** The naming that a checkpoint uses, or the usual one where it shows none. */
function findPrefix({ prefixes, embedding }: Family, tensors: ReadonlyMap<string, unknown>): NamePrefix {
  const possible = prefixes.filter(({ body }) => tensors.has(body + embedding));
  return (
    possible.find(({ head, headName }) => headName && tensors.has(`${head}${headName}.weight`)) ??
    possible.find(({ headName }) => !headName) ??
    prefixes[0]
  );
}
