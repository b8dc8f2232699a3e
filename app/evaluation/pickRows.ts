/** @file Which rows an evaluation looks at where all would take too long. */
import type { Engine } from '../engine/engine';
import { createRandom } from '../formats/random';

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

/** Classes up to which every row that is asked for is looked at, by an engine that runs a text once for each class. */
const FEW_CLASSES = 10;
/** Fewer rows say next to nothing. */
const FEWEST_ROWS = 30;

/**
 * How many rows to look at where `most` are wanted: all, by the engines that run a text once for all classes
 * (`askClasses`). The reference runs it for every class, so of many classes it looks at fewer rows.
 */
export function rowsForClasses(most: number, classes: number, engine: Pick<Engine, 'name'>): number {
  if (engine.name !== 'reference' || classes <= FEW_CLASSES) return most;
  return Math.min(most, Math.max(FEWEST_ROWS, Math.floor((most * FEW_CLASSES) / classes)));
}
