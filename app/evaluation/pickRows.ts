/** @file Which rows an evaluation looks at where all would take too long. */
import { createRandom } from '../formats/random';

/**
 * Which of `count` rows a validation looks at: the same for every run and step, ascending. A random choice,
 * because a file may be sorted by class.
 */
export function pickRows(count: number, most: number): number[] {
  const rows = Array.from({ length: count }, (_, i) => i);
  return createRandom(0)
    .shuffle(rows)
    .slice(0, most)
    .sort((a, b) => a - b);
}

/** Classes up to which every row that is asked for is looked at. */
const FEW_CLASSES = 10;
/** Fewer rows say next to nothing. */
const FEWEST_ROWS = 30;

/** How many rows to look at where `most` are wanted: each may have to be asked for every class, so of many classes fewer. */
export function rowsForClasses(most: number, classes: number): number {
  if (classes <= FEW_CLASSES) return most;
  return Math.min(most, Math.max(FEWEST_ROWS, Math.floor((most * FEW_CLASSES) / classes)));
}
