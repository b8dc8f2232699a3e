/** @file Which rows an evaluation looks at where all would take too long. */
import { createRandom } from '../data/random';

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
