/** @file How well a model knows the kind of text that inputs are: what it makes of their tokens without being told anything. */
import { inputTokens, packExamples } from '../data/pack';
import type { TokenExample } from '../data/types';
import type { Engine } from '../engine/engine';

const MOST_TOKENS = 128;

export interface InputsLoss {
  /** Nats per token of the inputs, under the bare model. */
  loss: number;
  /** Nats per token of whoever takes every token of the vocabulary for equally likely. */
  guessing: number;
  rows: number;
  /** Tokens that were read. */
  tokens: number;
}

export interface ReadOptions {
  /** Of a longer input only its last tokens are read. */
  mostTokens?: number;
  signal?: AbortSignal;
}

/** Null where no input has a token that another stands before. @throws the signal's reason when aborted. */
export async function inputsLoss(
  engine: Engine,
  texts: readonly TokenExample[],
  { mostTokens = MOST_TOKENS, signal }: ReadOptions = {},
): Promise<InputsLoss | null> {
  const inputs = texts.map((text) => inputTokens(text).slice(-mostTokens)).filter(({ length }) => length > 1);
  if (inputs.length === 0) return null;
  const batch = packExamples(
    inputs.map((tokenIds) => ({ tokenIds, isLabel: new Uint8Array(tokenIds.length).fill(1) })),
  );
  signal?.throwIfAborted();
  const scores = await engine.evaluate([null], batch);
  signal?.throwIfAborted();
  const nats = scores.reduce((sum, score) => sum + score.nats, 0);
  const tokens = scores.reduce((sum, score) => sum + score.labels, 0);
  return { loss: nats / tokens, guessing: Math.log(engine.spec.vocabSize), rows: inputs.length, tokens };
}
