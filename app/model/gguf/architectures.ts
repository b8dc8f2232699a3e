/**
 * @file The architectures of GGUF files that are read, and what Hugging Face calls their tensors. llama.cpp's converter renames tensors, and
 * changes some: what it did is undone where they are read (`weights.ts`).
 */
import { readable } from '../../formats/readable';
import { ModelError } from '../errors';
import type { Metadata } from './metadata';

export interface Architecture {
  /** `general.architecture`, which also begins the names of its values. */
  name: string;
  /** `model_type` in Hugging Face's config.json. */
  modelType: string;
  /** Rows of queries and keys were put in another order, for a rotation of neighbours instead of halves. */
  permuted: boolean;
  /** Norms had 1 added to their weights. */
  normsPlusOne: boolean;
  /** Norms follow attention and MLP too, so that names mean other norms. */
  postNorms: boolean;
}

const plain = { permuted: false, normsPlusOne: false, postNorms: false };

export const architectures: readonly Architecture[] = [
  { ...plain, name: 'llama', modelType: 'llama', permuted: true },
  { ...plain, name: 'smollm3', modelType: 'smollm3', permuted: true },
  { ...plain, name: 'qwen2', modelType: 'qwen2' },
  { ...plain, name: 'qwen3', modelType: 'qwen3' },
  { ...plain, name: 'gemma', modelType: 'gemma', normsPlusOne: true },
  { ...plain, name: 'gemma2', modelType: 'gemma2', normsPlusOne: true, postNorms: true },
  { ...plain, name: 'gemma3', modelType: 'gemma3_text', normsPlusOne: true, postNorms: true },
];

/** What a file may hold besides a model. */
const others: Readonly<Record<string, string>> = {
  adapter: 'an adapter (LoRA), which changes a model and is none itself',
  mmproj: 'the part of a model that sees, without the part that reads',
  imatrix: 'measurements that help in quantising, no model',
};

/** @throws ModelError where the file holds no model, or one that cannot be run */
export function architectureOf(metadata: Metadata): Architecture {
  const known = architectures.map(({ name }) => name).join(', ');
  const type = metadata.text('general.type');
  if (type !== undefined && Object.hasOwn(others, type)) {
    throw new ModelError(
      'unsupported',
      `${metadata.shown} holds ${others[type]}.`,
      'Choose the model itself.',
    );
  }
  const name = metadata.text('general.architecture');
  if (name === undefined) throw metadata.lacks('general.architecture');
  const parts = metadata.number('split.count') ?? 1;
  if (parts > 1) {
    throw new ModelError(
      'unsupported',
      `${metadata.shown} is one of ${parts} parts of a model; only whole files are read.`,
      'Put the parts together with llama.cpp (llama-gguf-split --merge), or choose a smaller quantisation that is one file.',
    );
  }
  const found = architectures.find((each) => each.name === name);
  if (!found) {
    throw new ModelError(
      'unsupported',
      `${metadata.shown} is a model of the architecture “${readable(name, 80)}”; of GGUF files these are read: ${known}.`,
      'Choose another model, or look whether docs/models.md knows this one as safetensors.',
    );
  }
  const experts = metadata.number(`${name}.expert_count`) ?? 0;
  if (experts > 0) {
    throw new ModelError(
      'unsupported',
      `${metadata.shown} is a mixture of ${experts} experts, which is not known here.`,
      'Choose a model without experts.',
    );
  }
  return found;
}

const outside: Readonly<Record<string, string>> = {
  'token_embd.weight': 'model.embed_tokens.weight',
  'output_norm.weight': 'model.norm.weight',
  'output.weight': 'lm_head.weight',
};

const inside: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
  post_attention_norm: 'post_attention_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
};

/** What Hugging Face calls a tensor; null for one that has no place there. */
export function huggingFaceName({ postNorms }: Architecture, name: string): string | null {
  if (Object.hasOwn(outside, name)) return outside[name];
  const [, block, part, kind] = /^blk\.(0|[1-9]\d{0,5})\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  if (block === undefined) return null;
  const mlpNorm = postNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm';
  const own = part === 'ffn_norm' ? mlpNorm : Object.hasOwn(inside, part) ? inside[part] : null;
  return own === null ? null : `model.layers.${block}.${own}.${kind}`;
}
