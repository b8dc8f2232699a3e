/**
 * @file Examples in context: training rows with their answers, told to the model before a row that it is asked about. What a
 * person can do with words alone when an instruction is not enough, and so what a soft prompt has to beat.
 */
import { createRandom } from '../formats/random';
import type { Example, Turn } from './types';

/** The seed stream that draws examples; the run's other draws have streams of their own. */
const STREAM = 0xfffffff2;

/**
 * Up to `count` examples drawn by lot, of the classes in turn where there are some, so that none is missing before another
 * comes twice.
 */
export function drawShots(
  training: readonly Example[],
  classes: readonly string[] | null,
  count: number,
  seed: number,
): Example[] {
  const { shuffle } = createRandom(seed, STREAM);
  const drawn = shuffle([...training]);
  if (!classes) return drawn.slice(0, count);
  const groups = shuffle([...classes]).map((name) => drawn.filter(({ target }) => target === name));
  const shots: Example[] = [];
  for (const example of inTurn(groups)) {
    if (shots.length >= count) break;
    shots.push(example);
  }
  return shots;
}

/** The first of every group, then the second of every group that has one, and so on. */
export function* inTurn<T>(groups: readonly (readonly T[])[]): Generator<T> {
  const longest = groups.reduce((most, { length }) => Math.max(most, length), 0);
  for (let i = 0; i < longest; i++) for (const group of groups) if (i < group.length) yield group[i];
}

/** Examples and their answers as text before an input, each ending in a line break. */
export function shotsAsText(shots: readonly Example[]): string {
  return shots.map(({ input, target }) => `${input}${target}\n`).join('');
}

/** The same as turns of a chat, with nothing in them to be learned. System turns are the conversation's own affair. */
export function shotsAsTurns(shots: readonly Example[]): Turn[] {
  return shots.flatMap(({ input, target, turns }) =>
    (turns ?? asTurns(input, target))
      .filter(({ role }) => role !== 'system')
      .map((turn) => ({ ...turn, learned: false })),
  );
}

/** An input and its answer as a conversation of one exchange. */
export function asTurns(input: string, target: string): Turn[] {
  return [
    { role: 'user', text: input.trim(), learned: false },
    { role: 'assistant', text: target.trim(), learned: true },
  ];
}
