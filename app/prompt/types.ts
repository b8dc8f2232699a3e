/** @file The artefact: a trained prompt with all that is needed to know where it belongs. */
import type { ModelIdentity } from '../model/identity';

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

export type PromptFormat = 'peft' | 'cartridge' | 'kobold' | 'npy' | 'json';
