/**
 * @file Whether a run's prompt beats words, on rows that it is never chosen by. On the way a few of the test rows are looked
 * at, so that a verdict costs next to nothing; all of them once the run rests. Each row is asked of words once.
 */

import type { Dataset } from '../data/dataset';
import type { TokenExample } from '../data/types';
import type { Engine, SoftPrompt } from '../engine/engine';
import { type InputsLoss, inputsLoss } from '../evaluation/inputsLoss';
import { drawRows, pickRows } from '../evaluation/pickRows';
import { compare, isRight, type Measure, majorityShare, reportOf } from '../evaluation/report';
import type { RowScore } from '../evaluation/rowScore';
import { scoreRows } from '../evaluation/scoreRows';
import type { Verdict, WordsRecord, WrongRow } from './types';

/** Words that the prompt is compared with, and the rows as the model reads them after these words. */
export interface Words {
  name: string;
  /** '' for the bare model. */
  instruction: string;
  /** Examples with their answers that stand between it and the row. */
  shots: number;
  validation: readonly TokenExample[];
  test: readonly TokenExample[];
}

export type ProofData = Pick<
  Dataset,
  'validation' | 'validationExamples' | 'test' | 'testExamples' | 'classes' | 'classTokens'
>;

/** A look is taken on the way, a whole verdict when the run rests. */
export type Depth = 'look' | 'whole';

export interface ProofInputs {
  engine: Engine;
  data: ProofData;
  words: readonly Words[];
  /** Most rows that are looked at: of the validation, and of the test at each depth. */
  mostRows: { validation: number } & Record<Depth, number>;
  /**
   * Milliseconds after which a depth takes no more rows, once it has `fewest`. The first verdict of that depth settles
   * how many rows all others have.
   */
  time?: Record<Depth, number>;
  /** Milliseconds; the device's clock if absent. */
  now?: () => number;
}

interface Work {
  /** In rows of the test, or in texts run through the model. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** Wrong rows that a verdict lists at most. */
const MOST_WRONG = 200;
/** Rows that are scored between two looks at the clock. */
const SLICE = 16;
/** Inputs that tell how well the model knows such text. */
const INPUTS_READ = 16;
const noLimit = { look: Number.POSITIVE_INFINITY, whole: Number.POSITIVE_INFINITY };

export const SOFT_PROMPT = 'soft prompt';

export class Proof {
  /** Test rows in the order in which they are taken. */
  private readonly order: number[];
  /** How many of these each depth takes; fewer where time has run out once. */
  private readonly depths: Record<Depth, number>;
  /** Scores of each of the words, in the rows' order, as far as they were asked for. */
  private readonly wordScores: RowScore[][];
  /** The same of the prompt that was judged last. */
  private own: { step: number; scores: RowScore[] } = { step: -1, scores: [] };
  private records: WordsRecord[] | null = null;
  private inputsLoss: InputsLoss | null = null;

  constructor(private readonly inputs: ProofInputs) {
    const { data, mostRows, words } = inputs;
    this.order = drawRows(data.test.length, mostRows.whole);
    const { length } = this.order;
    this.depths = { look: Math.min(mostRows.look, length), whole: length };
    this.wordScores = words.map(() => []);
  }

  /** Whether there is anything to compare with, on rows that nothing is chosen by. */
  get possible(): boolean {
    return this.inputs.words.length > 0 && this.order.length > 0;
  }

  /**
   * The instruction that is right most often on the validation rows; null before words are scored, or without any. One with
   * examples is another thing.
   */
  get bestInstruction(): Words | null {
    const { records } = this;
    if (!records) return null;
    const right = ({ accuracy, exact }: WordsRecord) => accuracy ?? exact;
    const [best] = records
      .map((record, i) => ({ record, words: this.inputs.words[i] }))
      .filter(({ words }) => words.instruction !== '' && words.shots === 0)
      .sort((a, b) => right(b.record) - right(a.record) || a.record.loss - b.record.loss);
    return best?.words ?? null;
  }

  /** What words alone reach on the validation rows, for the curve. Scored once. @throws the signal's reason when aborted. */
  async words({ onProgress, signal }: Work = {}): Promise<WordsRecord[]> {
    if (this.records) return this.records;
    const { engine, data, words, mostRows } = this.inputs;
    const contenders = words.map(({ validation }) => ({ prompt: null, texts: validation }));
    const scored = {
      examples: data.validationExamples,
      classes: data.classes,
      classTokens: data.classTokens,
    };
    const scores = await scoreRows(engine, contenders, scored, {
      rows: pickRows(data.validation.length, mostRows.validation),
      ...(onProgress && { onProgress }),
      ...(signal && { signal }),
    });
    this.records = scores.map((rows, i) => {
      const { loss, accuracy, exact } = reportOf(words[i].name, rows, data.classes?.length ?? 0);
      const { name, instruction } = words[i];
      const shares = { accuracy: accuracy?.value ?? null, exact: exact.value };
      return { name, instruction, loss, ...shares, rows: rows.length };
    });
    return this.records;
  }

  /**
   * Words and prompt on test rows. What was scored before is not scored again.
   * @param prompt null where there is none yet
   * @param step names the prompt: the same one has the same step
   * @throws the signal's reason when aborted; what was scored until then is kept.
   */
  async verdict(prompt: SoftPrompt | null, step: number, depth: Depth, work: Work = {}): Promise<Verdict> {
    if (this.own.step !== step) this.own = { step, scores: [] };
    this.inputsLoss ??= await this.scoreInputs(work.signal);
    await this.score(prompt, depth, work);
    const rows = this.depths[depth];
    const { data, words } = this.inputs;
    const own = prompt ? this.own.scores.slice(0, rows) : null;
    const told = this.wordScores.map((scores) => scores.slice(0, rows));
    const scores = own ? [...told, own] : told;
    const names = [...words.map(({ name }) => name), ...(own ? [SOFT_PROMPT] : [])];
    const classes = data.classes?.length ?? 0;
    const measure: Measure = classes > 0 ? 'accuracy' : 'exact';
    const contenders = scores.map((scored, i) => reportOf(names[i], scored, classes));
    const best = this.bestWords(told, measure);
    return {
      step,
      rows,
      of: data.test.length,
      whole: rows === this.depths.whole,
      measure,
      majority: majorityShare(told[0]),
      classes: data.classes ? [...data.classes] : null,
      contenders,
      difference: own && best ? { against: best.name, ...compare(best.rows, own, measure) } : null,
      wrong: own ? this.wrong(own, best?.rows ?? null, measure) : [],
      inputs: this.inputsLoss,
    };
  }

  private scoreInputs(signal?: AbortSignal): Promise<InputsLoss | null> {
    const { engine, data } = this.inputs;
    const texts = this.order.slice(0, INPUTS_READ).map((row) => data.test[row]);
    return inputsLoss(engine, texts, { signal });
  }

  /** Scores the rows of a depth that are not scored yet, a few at a time, until all are or time has run out. */
  private async score(prompt: SoftPrompt | null, depth: Depth, { onProgress, signal }: Work): Promise<void> {
    const { engine, data, words, time = noLimit, now = () => performance.now() } = this.inputs;
    const { testExamples: examples, classes, classTokens } = data;
    const scored = { examples, classes, classTokens };
    const began = now();
    for (;;) {
      const total = this.depths[depth];
      const asked = words.length > 0 ? this.wordScores[0].length : total;
      const answered = prompt ? this.own.scores.length : total;
      const from = Math.min(asked, answered);
      onProgress?.(Math.min(from, total), total);
      if (from >= total) return;
      if (from > 0 && now() - began > time[depth]) {
        this.depths[depth] = from;
        // A look that was cut short is none on more rows than the verdict has.
        this.depths.look = Math.min(this.depths.look, this.depths.whole);
        continue;
      }
      const rows = this.order.slice(from, Math.min(from + SLICE, total));
      const askWords = asked === from;
      const contenders = [
        ...(askWords ? words.map(({ test }) => ({ prompt: null, texts: test })) : []),
        ...(prompt && answered === from ? [{ prompt, texts: data.test }] : []),
      ];
      const found = await scoreRows(engine, contenders, scored, { rows, ...(signal && { signal }) });
      if (askWords) for (const scores of this.wordScores) scores.push(...(found.shift() ?? []));
      if (prompt && answered === from) this.own.scores.push(...(found.shift() ?? []));
    }
  }

  /** The words that are right most often; of equals those with the lower loss. */
  private bestWords(
    told: readonly RowScore[][],
    measure: Measure,
  ): { name: string; rows: readonly RowScore[] } | null {
    const { words, data } = this.inputs;
    const reported = told.map((rows, i) => {
      const report = reportOf(words[i].name, rows, data.classes?.length ?? 0);
      return { name: words[i].name, rows, right: report[measure]?.value ?? 0, loss: report.loss };
    });
    return reported.sort((a, b) => b.right - a.right || a.loss - b.loss)[0] ?? null;
  }

  /** Rows that the prompt gets wrong, the least likely target first. */
  private wrong(own: readonly RowScore[], words: readonly RowScore[] | null, measure: Measure): WrongRow[] {
    const { data } = this.inputs;
    return own
      .map((score, i) => ({ score, words: words?.[i] ?? null }))
      .filter(({ score }) => !isRight(score, measure))
      .sort((a, b) => b.score.nats - a.score.nats)
      .slice(0, MOST_WRONG)
      .map(({ score, words }) => {
        const { input, row, turns } = data.testExamples[score.row];
        return {
          row,
          input,
          ...(turns && { turns }),
          target: score.target,
          said:
            measure === 'accuracy' && score.likeliest !== null
              ? (data.classes?.[score.likeliest] ?? null)
              : null,
          wordsRight: words === null ? null : isRight(words, measure),
          nats: score.nats,
        };
      });
  }
}
