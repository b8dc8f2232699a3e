/**
 * @file How good a prompt is on examples that it was not trained on: loss, token accuracy and, for class tasks,
 * how often the right class is the likeliest. The bare model and a hard prompt are judged by the same measure.
 */
import type { Dataset } from '../data/dataset';
import type { Engine, SoftPrompt } from '../engine/engine';
import { exactOf, lossErrorOf, lossOf, tokenAccuracyOf } from '../evaluation/rowScore';
import { scoreRows } from '../evaluation/scoreRows';

/** What is evaluated: part of a `Dataset`. */
export type EvaluationData = Pick<Dataset, 'validation' | 'validationExamples' | 'classes' | 'classTokens'>;

/** Means over the evaluated rows. */
export interface Evaluation {
  /** Nats per label token. */
  loss: number;
  /** Standard error of the loss, over the rows. */
  error: number;
  /** Part of the rows whose class is the likeliest one; null where the task has no classes. */
  accuracy: number | null;
  /** Part of the label tokens that are the model's first choice. */
  tokenAccuracy: number;
  /** Part of the rows whose every label token is the first choice: greedy generation gives exactly the target. */
  exact: number;
  rows: number;
}

export interface EvaluateOptions {
  /** Indices of the validation examples to use; absent for all. */
  rows?: readonly number[];
  /** In texts run through the model; `total` grows when classes have to be compared. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Scores validation examples under prompts, or under the bare model where one is null, in passes that they share.
 * @throws the signal's reason when aborted.
 */
export async function evaluatePrompts(
  engine: Engine,
  prompts: readonly (SoftPrompt | null)[],
  data: EvaluationData,
  options: EvaluateOptions = {},
): Promise<Evaluation[]> {
  const { validation, validationExamples: examples, classes, classTokens } = data;
  const contenders = prompts.map((prompt) => ({ prompt, texts: validation }));
  const scored = await scoreRows(engine, contenders, { examples, classes, classTokens }, options);
  return scored.map((scores) => {
    const right = scores.filter(({ likeliest, targetClass }) => likeliest === targetClass).length;
    return {
      loss: lossOf(scores),
      error: lossErrorOf(scores),
      accuracy: classes && scores.length > 0 ? right / scores.length : null,
      tokenAccuracy: tokenAccuracyOf(scores),
      exact: exactOf(scores),
      rows: scores.length,
    };
  });
}

/** As `evaluatePrompts`, of one. */
export async function evaluatePrompt(
  engine: Engine,
  prompt: SoftPrompt | null,
  data: EvaluationData,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const [evaluation] = await evaluatePrompts(engine, [prompt], data, options);
  return evaluation;
}
