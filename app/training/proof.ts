/**
 * @file Whether a run's prompt beats words, on rows that it is never chosen by: the bare model and the person's
 * instructions are scored before the first step, the prompt whenever there is a better one.
 */

import type { Dataset } from '../data/dataset';
import type { TokenExample } from '../data/types';
import type { Engine, SoftPrompt } from '../engine/engine';
import { pickRows } from '../evaluation/pickRows';
import { compare, type Measure, majorityShare, reportOf } from '../evaluation/report';
import type { RowScore } from '../evaluation/rowScore';
import { scoreRows } from '../evaluation/scoreRows';
import type { Verdict, WordsRecord, WrongRow } from './types';

/** Words that the prompt is compared with, and the rows as the model reads them after these words. */
export interface Words {
  name: string;
  /** '' for the bare model. */
  instruction: string;
  validation: readonly TokenExample[];
  test: readonly TokenExample[];
}

export type ProofData = Pick<
  Dataset,
  'validation' | 'validationExamples' | 'test' | 'testExamples' | 'classes' | 'classTokens'
>;

export interface ProofInputs {
  engine: Engine;
  data: ProofData;
  words: readonly Words[];
  /** Most rows of each part that are looked at. */
  mostRows: { validation: number; test: number };
}

interface Work {
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Wrong rows that a verdict lists at most. */
const MOST_WRONG = 50;

export const SOFT_PROMPT = 'soft prompt';

export class Proof {
  private readonly rows: { validation: number[]; test: number[] };
  private scored: RowScore[][] | null = null;
  private records: WordsRecord[] | null = null;

  constructor(private readonly inputs: ProofInputs) {
    const { data, mostRows } = inputs;
    this.rows = {
      validation: pickRows(data.validation.length, mostRows.validation),
      test: pickRows(data.test.length, mostRows.test),
    };
  }

  /** Whether there is anything to compare with, on rows that nothing is chosen by. */
  get possible(): boolean {
    return this.inputs.words.length > 0 && this.rows.test.length > 0;
  }

  /** What words alone reach on the validation rows, for the curve. Scored once. @throws the signal's reason when aborted. */
  async words({ onProgress, signal }: Work = {}): Promise<WordsRecord[]> {
    if (this.records) return this.records;
    const { engine, data, words } = this.inputs;
    const contenders = words.map(({ validation }) => ({ prompt: null, texts: validation }));
    const scored = {
      examples: data.validationExamples,
      classes: data.classes,
      classTokens: data.classTokens,
    };
    const scores = await scoreRows(engine, contenders, scored, {
      rows: this.rows.validation,
      ...(onProgress && { onProgress }),
      ...(signal && { signal }),
    });
    this.records = scores.map((rows, i) => {
      const { loss, accuracy, exact } = reportOf(words[i].name, rows, data.classes?.length ?? 0);
      const { name, instruction } = words[i];
      return {
        name,
        instruction,
        loss,
        accuracy: accuracy?.value ?? null,
        exact: exact.value,
        rows: rows.length,
      };
    });
    return this.records;
  }

  /**
   * Words and prompt on the test rows. Words are scored once, a prompt each time.
   * @param prompt null where there is none yet
   * @throws the signal's reason when aborted.
   */
  async verdict(prompt: SoftPrompt | null, step: number, work: Work = {}): Promise<Verdict> {
    const { data, words } = this.inputs;
    this.scored ??= await this.score(
      words.map(({ test }) => ({ prompt: null, texts: test })),
      work,
    );
    const own = prompt ? (await this.score([{ prompt, texts: data.test }], work))[0] : null;
    const scores = own ? [...this.scored, own] : this.scored;
    const names = [...words.map(({ name }) => name), ...(own ? [SOFT_PROMPT] : [])];
    const classes = data.classes?.length ?? 0;
    const measure: Measure = classes > 0 ? 'accuracy' : 'exact';
    const contenders = scores.map((rows, i) => reportOf(names[i], rows, classes));
    const best = this.bestWords(measure);
    return {
      step,
      rows: this.rows.test.length,
      measure,
      majority: majorityShare(this.scored[0] ?? []),
      classes: data.classes ? [...data.classes] : null,
      contenders,
      difference: own && best ? { against: best.name, ...compare(best.rows, own, measure) } : null,
      wrong: own ? this.wrong(own, best?.rows ?? null, measure) : [],
    };
  }

  /** The words that are right most often; of equals those with the lower loss. */
  private bestWords(measure: Measure): { name: string; rows: RowScore[] } | null {
    const { words, data } = this.inputs;
    const scored = (this.scored ?? []).map((rows, i) => {
      const report = reportOf(words[i].name, rows, data.classes?.length ?? 0);
      return { name: words[i].name, rows, right: report[measure]?.value ?? 0, loss: report.loss };
    });
    return scored.sort((a, b) => b.right - a.right || a.loss - b.loss)[0] ?? null;
  }

  private score(contenders: Parameters<typeof scoreRows>[1], { onProgress, signal }: Work) {
    const { engine, data } = this.inputs;
    const { testExamples: examples, classes, classTokens } = data;
    return scoreRows(
      engine,
      contenders,
      { examples, classes, classTokens },
      {
        rows: this.rows.test,
        ...(onProgress && { onProgress }),
        ...(signal && { signal }),
      },
    );
  }

  /** Rows that the prompt gets wrong, the least likely target first. */
  private wrong(own: readonly RowScore[], words: readonly RowScore[] | null, measure: Measure): WrongRow[] {
    const { data } = this.inputs;
    const right = (score: RowScore) =>
      measure === 'exact' ? score.exact : score.likeliest === score.targetClass;
    return own
      .map((score, i) => ({ score, words: words?.[i] ?? null }))
      .filter(({ score }) => !right(score))
      .sort((a, b) => b.score.nats - a.score.nats)
      .slice(0, MOST_WRONG)
      .map(({ score, words }) => {
        const { input, row } = data.testExamples[score.row];
        return {
          row,
          input,
          target: score.target,
          said:
            measure === 'accuracy' && score.likeliest !== null
              ? (data.classes?.[score.likeliest] ?? null)
              : null,
          wordsRight: words === null ? null : right(words),
          nats: score.nats,
        };
      });
  }
}
