/** @file Rotary frequencies from the many ways configurations state them. */
import { z } from 'zod';
import type { RopeSpec } from '../../engine/spec';
import { field, parseConfig, unsupported } from './family';

/** `rope_scaling` (older files) or one entry of `rope_parameters` (newer ones). */
export const ropeParametersSchema = z.looseObject({
  rope_type: z.string().optional(),
  /** The older name of `rope_type`. */
  type: z.string().optional(),
  rope_theta: z.number().positive().optional(),
  partial_rotary_factor: field.share.optional(),
});
export type RopeParameters = z.infer<typeof ropeParametersSchema>;

/** What a configuration says of rotary embedding: an older file's `rope_scaling` goes before `rope_parameters`. */
export function givenRope<T>(config: { rope_scaling?: RopeParameters | null; rope_parameters?: T | null }) {
  return config.rope_scaling ?? config.rope_parameters ?? null;
}

const linearSchema = z.looseObject({ factor: z.number().positive() });
const llama3Schema = z.looseObject({
  factor: z.number().positive(),
  low_freq_factor: z.number().positive(),
  high_freq_factor: z.number().positive(),
  original_max_position_embeddings: z.number().int().positive().optional(),
});

/**
 * Frequencies of the first `dims` dimensions of a head, scaling applied.
 * @param theta Base where the parameters name none.
 * @param contextLength Of the model; where the parameters do not say what length it was first trained for.
 * @throws ModelError `unsupported` on a scaling that is more than a change of frequencies.
 */
export function ropeSpec(
  dims: number,
  theta: number,
  contextLength: number,
  parameters: RopeParameters | null | undefined,
): RopeSpec {
  if (dims < 2 || dims % 2 !== 0)
    throw unsupported(`rotary embedding over ${dims} dimensions; an even number is needed.`);
  const base = parameters?.rope_theta ?? theta;
  const plain = Array.from({ length: dims / 2 }, (_, i) => base ** ((-2 * i) / dims));
  const type = parameters?.rope_type ?? parameters?.type ?? 'default';
  return { dims, inverseFrequencies: scaled(plain, type, contextLength, parameters) };
}

function scaled(frequencies: number[], type: string, contextLength: number, parameters: unknown): number[] {
  switch (type) {
    case 'default':
    // Qwen's rotation by time, height and width, which are all the same in text.
    case 'mrope':
    // Dynamic scaling begins beyond the model's own context length, which is never left here.
    case 'dynamic':
      return frequencies;
    case 'linear': {
      const { factor } = parseConfig(linearSchema, parameters);
      return frequencies.map((frequency) => frequency / factor);
    }
    case 'llama3':
      return llama3(frequencies, contextLength, parameters);
    default:
      throw unsupported(`RoPE scaling "${type}" is not one of default, dynamic, linear, llama3.`);
  }
}

/** Llama 3.1: long wavelengths are stretched, short ones kept, those between interpolated. */
function llama3(frequencies: number[], contextLength: number, parameters: unknown): number[] {
  const config = parseConfig(llama3Schema, parameters);
  const {
    factor,
    low_freq_factor: low,
    high_freq_factor: high,
    original_max_position_embeddings: context = contextLength,
  } = config;
  return frequencies.map((frequency) => {
    const turns = (context * frequency) / (2 * Math.PI);
    const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return kept * frequency + ((1 - kept) * frequency) / factor;
  });
}
