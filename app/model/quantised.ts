/**
 * @file Checkpoints whose weights are quantised in a way that is not read here, by name: from config.json, or from
 * the tensors that every such format adds. Without this their tensors would only be of a wrong shape, or missing.
 */
import { z } from 'zod';
import { quoted } from '../formats/readable';
import type { TensorEntry } from '../formats/safetensors';
import { ModelError } from './errors';

const quantisationSchema = z.looseObject({
  quant_method: z.string().optional().catch(undefined),
  load_in_4bit: z.boolean().optional().catch(undefined),
  load_in_8bit: z.boolean().optional().catch(undefined),
  bits: z.number().optional().catch(undefined),
});
const partSchema = z.looseObject({
  quantization_config: quantisationSchema.nullish().catch(null),
  quantization: quantisationSchema.nullish().catch(null),
});
const configSchema = partSchema.extend({ text_config: partSchema.nullish().catch(null) });

/** What config.json's `quant_method` calls them. */
const methods = new Map<string, string>([
  ['gptq', 'GPTQ'],
  ['awq', 'AWQ'],
  ['fp8', 'FP8'],
  ['fbgemm_fp8', 'FP8'],
  ['mxfp4', 'MXFP4'],
  ['compressed-tensors', 'compressed-tensors'],
  ['aqlm', 'AQLM'],
  ['hqq', 'HQQ'],
  ['quanto', 'Quanto'],
  ['eetq', 'EETQ'],
  ['torchao', 'torchao'],
  ['bitnet', 'BitNet'],
  ['higgs', 'HIGGS'],
  ['vptq', 'VPTQ'],
  ['spqr', 'SpQR'],
  ['modelopt', 'ModelOpt'],
]);

/** The quantisation that the configuration names, for a sentence; null where it names none. */
export function namedQuantisation(config: unknown): string | null {
  const parsed = configSchema.safeParse(config).data;
  for (const part of [parsed, parsed?.text_config]) {
    const said = part?.quantization_config;
    if (said) {
      const method = said.quant_method;
      if (method === 'bitsandbytes' || said.load_in_4bit || said.load_in_8bit) {
        return `bitsandbytes, ${said.load_in_8bit ? 8 : 4} bits`;
      }
      const name = method === undefined ? null : (methods.get(method.toLowerCase()) ?? quoted(method));
      const bits = said.bits === undefined ? '' : `${said.bits} bits`;
      if (name ?? bits) return [name, bits].filter(Boolean).join(', ');
      return 'a method that it does not name';
    }
    if (part?.quantization) return `MLX${part.quantization.bits ? `, ${part.quantization.bits} bits` : ''}`;
  }
  return null;
}

/** Endings of tensors that a format adds to each quantised weight, the surest first. */
const signs: readonly [name: string, ending: RegExp][] = [
  ['bitsandbytes, 4 bits', /\.weight\.(absmax|quant_map|nested_absmax|quant_state\.\w+)$/],
  ['bitsandbytes, 8 bits', /\.SCB$/],
  ['GPTQ', /\.g_idx$/],
  ['AWQ', /\.qzeros$/],
  ['compressed-tensors', /\.weight_packed$/],
  ['MXFP4', /_proj_blocks$/],
  ['FP8', /\.weight_scale(_inv)?$/],
  ['MLX', /\.scales$/],
];

/** The quantisation that the tensors show; null where they show none. */
export function shownQuantisation(tensors: ReadonlyMap<string, Pick<TensorEntry, 'dtype'>>): string | null {
  for (const [name, ending] of signs) {
    for (const tensor of tensors.keys()) if (ending.test(tensor)) return name;
  }
  for (const { dtype } of tensors.values()) if (/^F8_/.test(dtype)) return 'FP8';
  return null;
}

/**
 * Refuses a model that is quantised.
 * @param problem why its weights cannot be read as they are; null where they can, and then only what the tensors show counts
 */
export function refuseQuantised(
  config: unknown,
  tensors: ReadonlyMap<string, Pick<TensorEntry, 'dtype'>>,
  problem: unknown,
): void {
  const shown = shownQuantisation(tensors);
  const name = problem === null && shown === null ? null : (namedQuantisation(config) ?? shown);
  if (name === null) return;
  throw new ModelError(
    'unsupported',
    `This model is quantised (${name}); only weights stored as F32, F16 or BF16 are read.`,
    'Choose the version of the model that was not quantised: usually the one whose name has no GPTQ, AWQ, bnb, FP8, 4bit or MLX in it.',
    { cause: problem ?? undefined },
  );
}
