/** @file The artefact: a trained prompt with all that is needed to know where it belongs. */

/** What a prompt file says of the model it was trained for, and what compatibility is judged by. */
export interface ModelIdentity {
  /** Hub id or folder name. */
  id: string;
  revision: string | null;
  /** sha-256, hex, of the weights file's header(s). */
  weightsHash: string;
  /** sha-256, hex, of the embedding table's stored bytes. */
  embeddingHash: string;
  /** sha-256, hex, of config.json; absent in files of older versions. */
  configHash?: string;
  /** sha-256, hex, of the sha-256s (hex, one after another) of the first block's stored tensors in canonical order; absent in files of older versions. */
  blockHash?: string;
  /** sha-256, hex, of tokenizer.json. */
  tokenizerHash: string;
  hidden: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
}

/** A prompt on the host. Tuning: `values` is `[virtualTokens, hidden]`; prefix: `[virtualTokens, layers · 2 · kvHeads · headDim]`. */
export interface PromptArtefact {
  kind: 'prompt' | 'prefix';
  virtualTokens: number;
  width: number;
  values: Float32Array;
  /** The model it belongs to, as far as the file says (files made elsewhere say little). */
  model: Partial<ModelIdentity>;
  /** The run card: strings only, keys in camelCase (settings, seed, losses, dataset hash, versions, …). */
  card: Record<string, string>;
}

export type PromptFormat = 'peft' | 'kobold' | 'npy' | 'json';
