/**
 * @file How likely every class is as the answer to a text. A text's tokens are run through the model once, as if they were a
 * part of the prompt, and the labels of all classes follow them: of 77 classes that is a tenth of the work of 77 texts, and
 * the first token of all labels is predicted from one row.
 */
import * as tf from '@tensorflow/tfjs-core';
import { classCandidates, inputTokens, packExamples } from '../data/pack';
import type { TokenExample } from '../data/types';
import { promptLength } from '../engine/batch';
import type { Engine, ExampleScore, SoftPrompt } from '../engine/engine';

/** A text whose classes are asked for, after a soft prompt or none. */
export interface AskedText {
  prompt: SoftPrompt | null;
  text: TokenExample;
}

/** Rows of the model that it takes to ask for every class of one text. */
export function rowsToAsk(
  engine: Pick<Engine, 'name'>,
  { prompt, text }: AskedText,
  classTokens: readonly Int32Array[],
): number {
  const labels = classTokens.reduce((sum, { length }) => sum + length, 0);
  const before = inputTokens(text).length;
  if (sharesText(engine, prompt, before, classTokens.length)) return promptLength(prompt) + before + labels;
  return promptLength(prompt) + classTokens.length * before + labels;
}

/**
 * Scores of every class for each text, `[texts][classes]`, in one call to the engine for each of the two ways of asking.
 * @param vectorsOf the prompt's numbers on the host, as `hostVectors` reads them
 */
export async function askClasses(
  engine: Engine,
  asked: readonly AskedText[],
  classTokens: readonly Int32Array[],
  vectorsOf: (prompt: SoftPrompt) => Promise<Float32Array>,
): Promise<ExampleScore[][]> {
  const found = new Array<ExampleScore[]>(asked.length);
  const shared: number[] = [];
  const repeated: number[] = [];
  asked.forEach(({ prompt, text }, i) => {
    const shares = sharesText(engine, prompt, inputTokens(text).length, classTokens.length);
    (shares ? shared : repeated).push(i);
  });
  const take = (indices: readonly number[], scores: readonly ExampleScore[]) => {
    indices.forEach((index, i) => {
      found[index] = scores.slice(i * classTokens.length, (i + 1) * classTokens.length);
    });
  };
  if (shared.length > 0) {
    const texts = shared.map((index) => asked[index]);
    take(shared, await afterSharedTexts(engine, texts, classTokens, vectorsOf));
  }
  if (repeated.length > 0) {
    const texts = repeated.map((index) => asked[index]);
    const { batch } = classCandidates(
      texts.map(({ text }) => text),
      classTokens,
    );
    const prompts = texts.map(({ prompt }) => prompt);
    const own = batch.texts.map((text, i) => ({ ...text, prompt: Math.floor(i / classTokens.length) }));
    take(repeated, await engine.evaluate(...withDistinct(prompts, { ...batch, texts: own })));
  }
  return found;
}

/** The numbers of a prompt of vectors, read from its device once. */
export function hostVectors(): (prompt: SoftPrompt) => Promise<Float32Array> {
  const read = new Map<SoftPrompt, Promise<Float32Array>>();
  return (prompt) => {
    const known = read.get(prompt);
    if (known) return known;
    const tensor = prompt.kind === 'prompt' ? prompt.vectors : prompt.keysValues;
    const values = tensor.data<'float32'>();
    read.set(prompt, values);
    return values;
  };
}

/**
 * Whether a text can be run once for all classes: it needs a row that predicts the labels' first token, and vectors to stand
 * among. The reference repeats a prompt for each of its texts, so that nothing would be saved.
 */
function sharesText(
  { name }: Pick<Engine, 'name'>,
  prompt: SoftPrompt | null,
  before: number,
  classes: number,
): boolean {
  if (name === 'reference' || prompt?.kind === 'prefix' || before === 0) return false;
  return promptLength(prompt) + before < classes * before;
}

async function afterSharedTexts(
  engine: Engine,
  asked: readonly AskedText[],
  classTokens: readonly Int32Array[],
  vectorsOf: (prompt: SoftPrompt) => Promise<Float32Array>,
): Promise<ExampleScore[]> {
  const { hidden } = engine.spec;
  const inputs = asked.map(({ text }) => inputTokens(text));
  const ids = Int32Array.from(inputs.flatMap((input) => Array.from(input)));
  const embedded = engine.embed(ids);
  const values = await embedded.data<'float32'>();
  embedded.dispose();
  const contexts: SoftPrompt[] = [];
  try {
    let from = 0;
    for (const [i, { prompt }] of asked.entries()) {
      const to = from + inputs[i].length * hidden;
      const first = prompt ? await vectorsOf(prompt) : new Float32Array();
      const rows = new Float32Array(first.length + to - from);
      rows.set(first);
      rows.set(values.subarray(from, to), first.length);
      contexts.push({ kind: 'prompt', vectors: tf.tensor2d(rows, [rows.length / hidden, hidden]) });
      from = to;
    }
    const labels = asked.flatMap(() => classTokens);
    const promptOf = labels.map((_, i) => Math.floor(i / classTokens.length));
    const texts = labels.map((tokenIds) => ({ tokenIds, isLabel: new Uint8Array(tokenIds.length).fill(1) }));
    return await engine.evaluate(contexts, packExamples(texts, promptOf));
  } finally {
    for (const context of contexts) if (context.kind === 'prompt') context.vectors.dispose();
  }
}

/** The same batch with each prompt given once, so that the engine computes it once. */
function withDistinct(
  prompts: readonly (SoftPrompt | null)[],
  batch: Parameters<Engine['evaluate']>[1],
): Parameters<Engine['evaluate']> {
  const distinct = [...new Set(prompts)];
  const texts = batch.texts.map((text) => ({ ...text, prompt: distinct.indexOf(prompts[text.prompt]) }));
  return [distinct, { ...batch, texts }];
}
