/**
 * @file PEFT's `adapter_config.json` for prompt tuning, prefix tuning and cartridges, written and read.
 * Written without `peft_version` and other young keys: releases of PEFT refuse keys they do not know.
 */
import { z } from 'zod';
import { readable } from '../formats/readable';
import { schemaFault } from '../formats/words';
import type { ModelIdentity } from '../model/identity';
import { baseModel } from './baseModel';
import { PromptError } from './errors';
import { parseJsonFile } from './jsonText';
import type { PromptArtefact } from './types';

export const configName = 'adapter_config.json';

const count = z
  .number()
  .int()
  .min(1)
  .max(2 ** 31)
  .nullish();

const schema = z.object({
  peft_type: z.string(),
  task_type: z.string().nullish(),
  num_virtual_tokens: z
    .number()
    .int()
    .min(1)
    .max(2 ** 31),
  token_dim: count,
  num_layers: count,
  num_attention_heads: count,
  num_transformer_submodules: count,
  base_model_name_or_path: z.string().nullish(),
  revision: z.string().nullish(),
});

/** What an adapter's configuration says that matters here. */
export interface AdapterConfig {
  kind: PromptArtefact['kind'];
  virtualTokens: number;
  /** Width of a virtual token's row in the tensor, or null where the file leaves it open. */
  width: number | null;
  model: Partial<ModelIdentity>;
}

/**
 * How PEFT is to take a prefix: as prefix tuning, or as a cartridge (Eyuboglu et al. 2025, arXiv 2506.06266; from PEFT 0.21 on),
 * which is the same tensor, of which PEFT trains on all rows but the first.
 */
export type PrefixType = 'PREFIX_TUNING' | 'CARTRIDGE';

/** Rows of a cartridge that training leaves as they are: the one that attention sinks into. */
const FROZEN_ROWS = 1;

/**
 * The configuration of an artefact, as text. Numbers that a prompt's file does not know are null; PEFT then asks the model.
 * @throws PromptError for a prefix whose layers and heads are unknown
 */
export function writeAdapterConfig(artefact: PromptArtefact, prefix: PrefixType = 'PREFIX_TUNING'): string {
  const { kind, virtualTokens, width, model } = artefact;
  const base = baseModel(artefact);
  const common = {
    auto_mapping: null,
    base_model_name_or_path: base.id,
    inference_mode: true,
    num_transformer_submodules: 1,
    num_virtual_tokens: virtualTokens,
    revision: base.revision,
    task_type: 'CAUSAL_LM',
  };
  if (kind === 'prompt') {
    return stringify({
      ...common,
      peft_type: 'PROMPT_TUNING',
      token_dim: width,
      num_layers: model.layers ?? null,
      num_attention_heads: model.heads ?? null,
      prompt_tuning_init: 'RANDOM',
      prompt_tuning_init_text: null,
      tokenizer_name_or_path: null,
    });
  }
  const { layers, kvHeads, headDim } = model;
  if (!layers || !kvHeads || !headDim) {
    throw new PromptError(
      'Expected a prefix to know its model’s layers and key/value heads, this one does not.',
      'Load the model it belongs to first.',
    );
  }
  // PEFT views a row as [2 · layers, heads, token_dim / heads]; under grouped queries these are the key/value heads.
  return stringify({
    ...common,
    peft_type: prefix,
    token_dim: kvHeads * headDim,
    num_layers: layers,
    num_attention_heads: kvHeads,
    ...(prefix === 'CARTRIDGE'
      ? { num_frozen_tokens: Math.min(FROZEN_ROWS, virtualTokens) }
      : { encoder_hidden_size: null, prefix_projection: false }),
  });
}

function stringify(config: Record<string, unknown>): string {
  const sorted = Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  return `${JSON.stringify(sorted, null, 2)}\n`;
}

/** Methods whose adapter is a prompt at inference. P-tuning's encoder is already applied to what PEFT saves. */
const promptTypes = ['PROMPT_TUNING', 'P_TUNING'];
const prefixTypes: readonly string[] = ['PREFIX_TUNING', 'CARTRIDGE'] satisfies PrefixType[];

const explanations = new Map([
  ['LORA', 'a LoRA adapter, which changes the model’s weights instead of adding virtual tokens'],
  ['ADALORA', 'an AdaLoRA adapter, which changes the model’s weights instead of adding virtual tokens'],
  ['IA3', 'an IA³ adapter, which rescales activations instead of adding virtual tokens'],
  ['MULTITASK_PROMPT_TUNING', 'a multitask prompt, which is several prompts multiplied into one'],
]);

/**
 * Reads an adapter's configuration.
 * @throws PromptError when it is not JSON, or describes something other than a prompt or prefix of a causal language model
 */
export function readAdapterConfig(bytes: Uint8Array, fileName: string): AdapterConfig {
  const json = parseJsonFile(bytes, fileName);
  const type = (json as { peft_type?: unknown } | null)?.peft_type;
  if (typeof type !== 'string') {
    throw new PromptError(
      `Expected PEFT’s "peft_type" in ${fileName}, it is missing.`,
      'Choose the adapter_config.json that PEFT saved with the prompt.',
    );
  }
  const kind = promptTypes.includes(type) ? 'prompt' : prefixTypes.includes(type) ? 'prefix' : null;
  if (!kind) {
    throw new PromptError(
      `Expected peft_type PROMPT_TUNING, PREFIX_TUNING or CARTRIDGE, ${fileName} says ${readable(type, 80)}: ${explanations.get(type) ?? 'another kind of adapter'}.`,
      'Choose an adapter made with prompt tuning or prefix tuning.',
    );
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new PromptError(
      `${fileName}: ${schemaFault(parsed.error, json)}.`,
      'Choose the adapter_config.json that PEFT saved with the prompt.',
    );
  }
  const config = parsed.data;
  if (config.task_type && config.task_type !== 'CAUSAL_LM') {
    throw new PromptError(
      `Expected a prompt for a causal language model (task_type CAUSAL_LM), ${fileName} says ${config.task_type}.`,
      'A prompt for another kind of model cannot be used here.',
    );
  }
  const submodules = config.num_transformer_submodules ?? 1;
  if (submodules !== 1) {
    throw new PromptError(
      `Expected a prompt for a decoder alone (num_transformer_submodules 1), ${fileName} says ${submodules}.`,
      'A prompt for an encoder and decoder cannot be used here.',
    );
  }
  const layers = config.num_layers ?? undefined;
  const heads = config.num_attention_heads ?? undefined;
  const dim = config.token_dim ?? undefined;
  if (kind === 'prefix' && heads && dim && dim % heads !== 0) {
    throw new PromptError(
      `Expected token_dim to be a multiple of num_attention_heads, ${fileName} says ${dim} and ${heads}.`,
      'Choose the adapter_config.json that PEFT saved with the prefix.',
    );
  }
  const model: Partial<ModelIdentity> = {};
  if (config.base_model_name_or_path) model.id = config.base_model_name_or_path;
  if (config.revision) model.revision = config.revision;
  if (layers) model.layers = layers;
  if (kind === 'prompt') {
    if (heads) model.heads = heads;
    if (dim) model.hidden = dim;
  } else if (heads && dim) {
    model.kvHeads = heads;
    model.headDim = dim / heads;
  }
  const width = kind === 'prompt' ? dim : dim && layers ? 2 * layers * dim : undefined;
  return { kind, virtualTokens: config.num_virtual_tokens, width: width ?? null, model };
}
