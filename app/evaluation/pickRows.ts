/** @file Which rows an evaluation looks at where all would take too long. */
import type { TokenExample } from '../data/types';
import type { Engine } from '../engine/engine';
import { createRandom } from '../formats/random';
import { rowsToAsk } from './askClasses';

/**
 * Which of `count` rows a validation looks at: the same for every run and step, ascending. A random choice,
 * because a file may be sorted by class.
 */
export function pickRows(count: number, most: number): number[] {
  return drawRows(count, most).sort((a, b) => a - b);
}

/** The same rows in the order in which they were drawn: of fewer rows they are the first. */
export function drawRows(count: number, most: number): number[] {
  const rows = Array.from({ length: count }, (_, i) => i);
  return createRandom(0).shuffle(rows).slice(0, most);
}

/** Rows of the model that an evaluation may take to ask for classes: 100 texts of 30 tokens under 10 classes, each run for every one. */
const ROWS_OF_MODEL = 30_000;
/** Fewer rows say next to nothing. */
const FEWEST_ROWS = 30;

/** How many rows to look at where `most` are wanted: where asking for the classes of each takes long, fewer. */
export function affordableRows(
  most: number,
  engine: Pick<Engine, 'name'>,
  texts: readonly TokenExample[],
  classTokens: readonly Int32Array[],
): number {
  if (classTokens.length === 0 || texts.length === 0) return most;
  const asked = texts.map((text) => rowsToAsk(engine, { prompt: null, text }, classTokens));
  const each = asked.reduce((sum, rows) => sum + rows, 0) / asked.length;
  return Math.min(most, Math.max(FEWEST_ROWS, Math.floor(ROWS_OF_MODEL / each)));
}
