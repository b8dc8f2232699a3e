/** @file Examples set aside for validation and test: every class in proportion, what belongs together on one side. */
import type { Random } from '../formats/random';
import type { Example } from './types';

export interface SplitRequest {
  examples: readonly Example[];
  /** Of each example: those with a key in common stay together; null for one that stands for itself. */
  groups: readonly (readonly string[])[];
  /** Targets that are classes, each of which is divided in proportion; null where they are none. */
  classes: readonly string[] | null;
  validationShare: number;
  testShare: number;
  random: Random;
}

export interface Split {
  /** In the order of the file. */
  training: Example[];
  /** In an order drawn from the seed, so that its first rows are a fair sample of all. */
  validation: Example[];
  /** In such an order too. */
  test: Example[];
}

/** Examples that stay together, as their indexes. */
type Unit = number[];

/**
 * Sets aside the shares, at least one row each of two or more, and leaves at least one to train on, of every class too.
 * Where units are large, a share is as near as they allow without being more.
 */
export function splitExamples(request: SplitRequest): Split {
  const { examples, validationShare, testShare, random } = request;
  const count = examples.length;
  const wanted = (share: number, most: number) =>
    share > 0 ? Math.max(0, Math.min(most, Math.max(1, Math.round(count * share)))) : 0;
  const forValidation = wanted(validationShare, count - 1);
  const forTest = wanted(testShare, count - 1 - forValidation);
  const strata = stratify(request);
  // The last unit of a stratum is never set aside, so that no class is without training rows.
  const held = { validation: new Set<number>(), test: new Set<number>() };
  const take = (part: Set<number>, rows: number) => {
    if (rows === 0) return;
    const quotas = apportion(strata.map(sizeOf), rows);
    for (const [s, units] of strata.entries()) takeUnits(units, part, quotas[s]);
    for (const units of strata) takeUnits(units, part, rows - part.size);
    // Units too large for the share: the smallest of them is better than nothing.
    if (part.size === 0) takeSmallest(strata, part);
  };
  take(held.test, forTest);
  take(held.validation, forValidation);
  const pick = (part: Set<number>) => random.shuffle([...part].sort((a, b) => a - b)).map((i) => examples[i]);
  return {
    training: examples.filter((_, i) => !held.validation.has(i) && !held.test.has(i)),
    validation: pick(held.validation),
    test: pick(held.test),
  };
}

/** Units by the class of their first example, each in an order drawn from the seed. */
function stratify({ examples, groups, classes, random }: SplitRequest): Unit[][] {
  const order = new Map(classes?.map((name, i) => [name, i]));
  const strata = Array.from({ length: classes ? classes.length : 1 }, (): Unit[] => []);
  for (const unit of joinUnits(groups)) {
    const stratum = order.get(examples[unit[0]].target) ?? 0;
    strata[stratum].push(unit);
  }
  for (const units of strata) random.shuffle(units);
  return strata;
}

/** Examples that share a key, or share one with another that does, are one unit (union by the lowest index). */
function joinUnits(groups: SplitRequest['groups']): Unit[] {
  const parent = Int32Array.from(groups, (_, i) => i);
  const find = (i: number): number => {
    let root = i;
    while (parent[root] !== root) root = parent[root];
    for (let at = i; parent[at] !== root; ) [at, parent[at]] = [parent[at], root];
    return root;
  };
  const first = new Map<string, number>();
  groups.forEach((keys, i) => {
    for (const key of keys) {
      const other = first.get(key);
      if (other === undefined) first.set(key, i);
      else {
        const [a, b] = [find(i), find(other)];
        parent[Math.max(a, b)] = Math.min(a, b);
      }
    }
  });
  const units = new Map<number, Unit>();
  groups.forEach((_, i) => {
    const root = find(i);
    const unit = units.get(root);
    if (unit) unit.push(i);
    else units.set(root, [i]);
  });
  return [...units.values()];
}

/** Whole numbers in proportion to the sizes that add up to `rows`: what is lost in rounding goes to the largest rests. */
function apportion(sizes: readonly number[], rows: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const ideal = sizes.map((size) => (rows * size) / total);
  const quotas = ideal.map(Math.floor);
  const rests = ideal
    .map((value, i) => ({ i, rest: value - quotas[i] }))
    .sort((a, b) => b.rest - a.rest || a.i - b.i);
  let left = rows - quotas.reduce((sum, quota) => sum + quota, 0);
  for (const { i } of rests) {
    if (left-- <= 0) break;
    quotas[i]++;
  }
  return quotas;
}

/** Moves units that fit from the stratum's end to the part. */
function takeUnits(units: Unit[], part: Set<number>, rows: number): void {
  let left = rows;
  for (let u = units.length - 1; u >= 0 && left > 0 && units.length > 1; u--) {
    const unit = units[u];
    if (unit.length > left) continue;
    units.splice(u, 1);
    left -= unit.length;
    for (const i of unit) part.add(i);
  }
}

function takeSmallest(strata: Unit[][], part: Set<number>): void {
  const divisible = strata.filter((units) => units.length > 1);
  const smallest = divisible
    .flat()
    .reduce<Unit | null>((least, unit) => (!least || unit.length < least.length ? unit : least), null);
  // Classes of one row each: any of them may go, as long as one stays.
  const unit =
    smallest ??
    (strata.filter((units) => units.length > 0).length > 1
      ? strata.find((units) => units.length > 0)?.[0]
      : undefined);
  if (!unit) return;
  for (const units of strata) {
    const at = units.indexOf(unit);
    if (at >= 0) units.splice(at, 1);
  }
  for (const i of unit) part.add(i);
}

function sizeOf(units: readonly Unit[]): number {
  return units.reduce((sum, unit) => sum + unit.length, 0);
}
