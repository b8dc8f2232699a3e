/** @file What the model says to a few validation examples: bare, after the best instruction, and with the prompt. */
import { inputTokens } from '../data/pack';
import type { TokenExample } from '../data/types';
import type { Engine, SoftPrompt } from '../engine/engine';
import type { Tokenizer } from '../model/tokenizer';
import type { EvaluationData } from './evaluate';
import type { Words } from './proof';
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
  /** The instruction that does best so far, asked each time; absent where nothing is compared. */
  instruction?: () => Words | null;
}

/** Greedy answers to the first few examples; those without a prompt are asked for once. */
export class AnswerBook {
  private readonly rows: number[];
  private readonly maxTokens: number;
  private readonly asked = new Map<string, string>();

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
    const { validation, validationExamples } = this.source.data;
    const words = this.source.instruction?.() ?? null;
    const answered: AnswerRow[] = [];
    for (const row of this.rows) {
      const { input, target, turns } = validationExamples[row];
      answered.push({
        input,
        target,
        ...(turns && { turns }),
        without: await this.once('', row, validation[row], signal),
        told: words && (await this.once(words.instruction, row, words.validation[row], signal)),
        with: await this.answer(prompt, validation[row], signal),
      });
    }
    return answered;
  }

  private async once(
    instruction: string,
    row: number,
    text: TokenExample,
    signal: AbortSignal,
  ): Promise<string> {
    const key = `${row} ${instruction}`;
    const known = this.asked.get(key) ?? (await this.answer(null, text, signal));
    this.asked.set(key, known);
    return known;
  }

  private async answer(prompt: SoftPrompt | null, text: TokenExample, signal: AbortSignal): Promise<string> {
    const { tokenizer } = this.source;
    const ids: number[] = [];
    const options = { maxTokens: this.maxTokens, temperature: 0, stopIds: tokenizer.stopIds, signal };
    for await (const id of this.engine.generate(prompt, inputTokens(text), options)) ids.push(id);
    signal.throwIfAborted();
    return tokenizer.decode(ids).trim();
  }
}
