/** @file What the model says to a few validation examples, without and with the prompt. */
import { inputTokens } from '../data/pack';
import type { Engine, SoftPrompt } from '../engine/engine';
import type { Tokenizer } from '../model/tokenizer';
import type { EvaluationData } from './evaluate';
import type { AnswerRow } from './types';

/** Examples that are answered. */
export const ANSWERED = 4;
/** An answer may be this much longer than the longest target shown, so that one that runs on is seen to. */
const ROOM = 8;
const MOST_TOKENS = 64;

export interface AnswerSource {
  data: Pick<EvaluationData, 'validation' | 'validationExamples'>;
  /** Indices of the validation examples to answer; those without any input are passed over. */
  rows: readonly number[];
  tokenizer: Pick<Tokenizer, 'stopIds' | 'decode'>;
}

/** Greedy answers to the first few examples; the bare model's are asked for once. */
export class AnswerBook {
  private readonly rows: number[];
  private readonly maxTokens: number;
  private readonly without = new Map<number, string>();

  constructor(
    private readonly engine: Engine,
    private readonly source: AnswerSource,
  ) {
    const { validation } = source.data;
    const inputLength = (row: number): number => inputTokens(validation[row]).length;
    this.rows = source.rows.filter((row) => inputLength(row) > 0).slice(0, ANSWERED);
    const targets = this.rows.map((row) => validation[row].tokenIds.length - inputLength(row));
    this.maxTokens = Math.min(MOST_TOKENS, Math.max(0, ...targets) + ROOM);
  }

  /** @throws the signal's reason when aborted. */
  async answers(prompt: SoftPrompt, signal: AbortSignal): Promise<AnswerRow[]> {
    const answered: AnswerRow[] = [];
    for (const row of this.rows) {
      const { input, target } = this.source.data.validationExamples[row];
      const without = this.without.get(row) ?? (await this.answer(null, row, signal));
      this.without.set(row, without);
      answered.push({ input, target, without, with: await this.answer(prompt, row, signal) });
    }
    return answered;
  }

  private async answer(prompt: SoftPrompt | null, row: number, signal: AbortSignal): Promise<string> {
    const { data, tokenizer } = this.source;
    const ids: number[] = [];
    const options = { maxTokens: this.maxTokens, temperature: 0, stopIds: tokenizer.stopIds, signal };
    const input = inputTokens(data.validation[row]);
    for await (const id of this.engine.generate(prompt, input, options)) ids.push(id);
    signal.throwIfAborted();
    return tokenizer.decode(ids).trim();
  }
}
