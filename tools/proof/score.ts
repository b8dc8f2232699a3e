/**
 * @file What a contender gets right of the test rows. What all its texts begin with (a chat template's frame, an instruction,
 * examples) is run through the model once for many of them, as rows of a prompt: the same numbers, in a fraction of the time.
 */
import * as tf from '@tensorflow/tfjs-core';
import { encodeInstructed } from '../../app/data/instruct';
import { inputTokens } from '../../app/data/pack';
import { drawShots } from '../../app/data/shots';
import type { TokenExample } from '../../app/data/types';
import type { Engine, SoftPrompt } from '../../app/engine/engine';
import { isRight } from '../../app/evaluation/report';
import { lossOf, type RowScore } from '../../app/evaluation/rowScore';
import { scoreRows } from '../../app/evaluation/scoreRows';
import { rounded } from '../study/record';
import type { Scores } from './cells';
import type { ModelGround, TaskGround } from './ground';

/**
 * Test rows after words, or after none.
 * @throws Error in words, where the model has no room for them
 */
export async function toldTest(
  { model }: ModelGround,
  { data }: TaskGround,
  instruction: string,
  shots: { count: number; seed: number } = { count: 0, seed: 0 },
): Promise<TokenExample[]> {
  if (instruction === '' && shots.count === 0) return data.test;
  const context = { tokenizer: model.tokenizer, chat: model.chat, contextLength: model.spec.contextLength };
  const examples = drawShots(data.trainingExamples, data.classes, shots.count, shots.seed);
  const told = await encodeInstructed(data, data.testExamples, instruction, context, examples);
  if (!told || told.some(({ cut }, i) => cut > data.test[i].cut))
    throw new Error(`The words “${instruction}” with ${shots.count} examples leave no room for the rows.`);
  return told;
}

/** Scores of the test rows under a prompt, or null for words alone, in the order of the test's table. */
export async function scoreTest(
  engine: Engine,
  { data, test }: TaskGround,
  prompt: SoftPrompt | null,
  texts: readonly TokenExample[] = data.test,
): Promise<Scores> {
  const scored = { examples: data.testExamples, classes: data.classes, classTokens: data.classTokens };
  const started = await withSharedStart(engine, prompt, texts);
  try {
    const [rows] = await scoreRows(engine, [started], scored);
    return summarise(
      rows,
      data.testExamples.map(({ row }) => test.rowNumbers.indexOf(row)),
    );
  } finally {
    started.dispose();
  }
}

/** Nats per label token of given rows. */
export async function lossUnder(
  engine: Engine,
  prompt: SoftPrompt,
  texts: readonly TokenExample[],
): Promise<number> {
  const examples = texts.map(() => ({ target: '' }));
  const [rows] = await scoreRows(engine, [{ prompt, texts }], { examples, classes: null, classTokens: [] });
  return lossOf(rows);
}

/** @param places of the scored rows in the test's table */
function summarise(rows: readonly RowScore[], places: readonly number[]): Scores {
  const right = new Array<string>(rows.length);
  const exact = new Array<string>(rows.length);
  rows.forEach((row, i) => {
    right[places[i]] = isRight(row, 'accuracy') ? '1' : '0';
    exact[places[i]] = row.exact ? '1' : '0';
  });
  return { right: right.join(''), exact: exact.join(''), loss: rounded(lossOf(rows)) };
}

/** The prompt with what all texts begin with behind it, and the texts without that. A prefix of keys and values stays alone. */
export async function withSharedStart(
  engine: Pick<Engine, 'embed'>,
  prompt: SoftPrompt | null,
  texts: readonly TokenExample[],
): Promise<{ prompt: SoftPrompt | null; texts: readonly TokenExample[]; dispose(): void }> {
  const shared = prompt?.kind === 'prefix' ? 0 : sharedStart(texts);
  if (shared === 0) return { prompt, texts, dispose: () => undefined };
  const vectors = tf.tidy(() => {
    const words = engine.embed(texts[0].tokenIds.slice(0, shared));
    return prompt?.kind === 'prompt' ? tf.concat2d([prompt.vectors, words], 0) : words;
  });
  return {
    prompt: { kind: 'prompt', vectors },
    texts: texts.map((text) => ({
      ...text,
      tokenIds: text.tokenIds.slice(shared),
      isLabel: text.isLabel.slice(shared),
    })),
    dispose: () => vectors.dispose(),
  };
}

/** How many tokens all inputs have in common at their beginning; each keeps one of its own, which predicts the first label. */
export function sharedStart(texts: readonly TokenExample[]): number {
  if (texts.length === 0) return 0;
  const inputs = texts.map(inputTokens);
  const [first] = inputs;
  let shared = Math.max(0, Math.min(...inputs.map(({ length }) => length)) - 1);
  for (const input of inputs) {
    let same = 0;
    while (same < shared && input[same] === first[same]) same++;
    shared = same;
  }
  return shared;
}
