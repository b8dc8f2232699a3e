/** @file What a GGUF header says of a network, as config.json would. */
import type { GgufHeader } from '../../formats/gguf';
import { ModelError } from '../errors';
import type { Architecture } from './architectures';
import type { Metadata } from './metadata';

/** Llama 3.1 and 3.2: how frequencies are stretched, but for the factor. */
const llama3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
/** Factors that a file has are compared with those that the rule makes; they are stored in 32 bits. */
const FACTOR_TOLERANCE = 1e-3;

/**
 * The content of config.json.
 * @param rotation factors of the tensor `rope_freqs.weight`, where the file has it
 * @throws ModelError `malformed` where a value is missing, `unsupported` for what config.json of this family cannot say
 */
export function configOf(
  metadata: Metadata,
  { name, modelType, postNorms }: Architecture,
  { tensors }: GgufHeader,
  rotation: Float32Array | null,
): Record<string, unknown> {
  const of = (key: string) => metadata.number(`${name}.${key}`);
  const needed = (key: string) => metadata.neededNumber(`${name}.${key}`);
  const embedding = tensors.get('token_embd.weight');
  if (!embedding) throw metadata.lacks('token_embd.weight');
  const hidden = needed('embedding_length');
  const heads = needed('attention.head_count');
  const headDim = of('attention.key_length') ?? hidden / heads;
  const values = of('attention.value_length') ?? headDim;
  if (values !== headDim) {
    throw unsupported(metadata, `its keys have ${headDim} dimensions and its values ${values}`);
  }
  const gemma2 = modelType === 'gemma2';
  return {
    model_type: modelType,
    vocab_size: embedding.shape[0],
    hidden_size: hidden,
    num_hidden_layers: needed('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: of('attention.head_count_kv') ?? heads,
    head_dim: headDim,
    intermediate_size: needed('feed_forward_length'),
    max_position_embeddings: needed('context_length'),
    rms_norm_eps: needed('attention.layer_norm_rms_epsilon'),
    tie_word_embeddings: !tensors.has('output.weight'),
    attention_bias: tensors.has('blk.0.attn_q.bias') && tensors.has('blk.0.attn_output.bias'),
    mlp_bias: tensors.has('blk.0.ffn_up.bias'),
    ...ropeOf(metadata, name, headDim, rotation),
    // Only the families that have windows say how long they are.
    ...(postNorms && {
      sliding_window: of('attention.sliding_window') ?? null,
      query_pre_attn_scalar: attentionScalar(metadata, name, hidden, heads, headDim),
      attn_logit_softcapping: gemma2 ? (of('attn_logit_softcapping') ?? 50) : null,
      final_logit_softcapping: gemma2
        ? (of('final_logit_softcapping') ?? 30)
        : (of('final_logit_softcapping') ?? null),
    }),
    ...endsOf(metadata),
  };
}

/** The largest Gemma 2 and Gemma 3 scale by the width of a head's share, not by the head: a GGUF does not say it, llama.cpp goes by their layers. */
function attentionScalar(
  metadata: Metadata,
  name: string,
  hidden: number,
  heads: number,
  headDim: number,
): number {
  const layers = metadata.number(`${name}.block_count`);
  const largest = (name === 'gemma2' && layers === 46) || (name === 'gemma3' && layers === 62);
  return largest ? hidden / heads : headDim;
}

function ropeOf(
  metadata: Metadata,
  name: string,
  headDim: number,
  rotation: Float32Array | null,
): Record<string, unknown> {
  const of = (key: string) => metadata.number(`${name}.rope.${key}`);
  const theta = of('freq_base') ?? 10_000;
  const dimensions = of('dimension_count') ?? headDim;
  if (dimensions !== headDim) {
    throw unsupported(metadata, `it rotates ${dimensions} of a head's ${headDim} dimensions`);
  }
  const type = metadata.text(`${name}.rope.scaling.type`) ?? 'none';
  const linear = of('scaling.factor') ?? of('scale_linear') ?? 1;
  const scaling =
    type === 'none' || (type === 'linear' && linear === 1)
      ? stretched(metadata, rotation, theta, headDim)
      : { rope_type: type, factor: linear };
  if (rotation && type !== 'none') throw unsupported(metadata, 'it stretches its rotation in two ways');
  return {
    rope_theta: theta,
    ...(name === 'gemma3' && { rope_local_base_freq: of('freq_base_swa') ?? 10_000 }),
    rope_scaling: scaling,
  };
}

/** Llama 3's scaling out of the factors of all frequencies, which is how a GGUF has it; null where there are none. */
function stretched(
  metadata: Metadata,
  rotation: Float32Array | null,
  theta: number,
  headDim: number,
): Record<string, unknown> | null {
  if (!rotation) return null;
  const factor = Math.round(rotation.reduce((most, each) => Math.max(most, each), 0) * 1000) / 1000;
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: context } = llama3;
  const same = rotation.every((found, i) => {
    const turns = (context * theta ** ((-2 * i) / headDim)) / (2 * Math.PI);
    const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    const wanted = 1 / (kept + (1 - kept) / factor);
    return Math.abs(found - wanted) <= FACTOR_TOLERANCE * wanted;
  });
  if (!same || rotation.length !== headDim / 2) {
    throw unsupported(metadata, 'it stretches its rotation in a way that is not Llama 3’s');
  }
  return { rope_type: 'llama3', factor, ...llama3 };
}

/** The tokens that end a text, and those that end an answer. */
function endsOf(metadata: Metadata): Record<string, unknown> {
  const keys = ['eos_token_id', 'eot_token_id', 'eom_token_id'];
  const ids = keys.flatMap((key) => metadata.number(`tokenizer.ggml.${key}`) ?? []);
  return ids.length > 0 ? { eos_token_id: [...new Set(ids)] } : {};
}

function unsupported(metadata: Metadata, what: string): ModelError {
  return new ModelError(
    'unsupported',
    `${metadata.shown} cannot be run: ${what}.`,
    'Choose another model, or this one as safetensors.',
  );
}
