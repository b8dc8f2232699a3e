/** @file Names of classes that a dataset's own description keeps beside their numbers, as the `datasets` library writes them. */
import { isRecord } from './cells';

/** Class names by column, of a label or of each label in a list. */
export type ClassNames = Map<string, string[]>;

/** Most columns that a note lists. */
const LISTED = 3;

/**
 * The class names in a description of features: `{label: {names: […], _type: "ClassLabel"}}`, or the list that the
 * Hub's viewer gives, `[{name: "label", type: {…}}]`.
 */
export function classNamesOf(features: unknown): ClassNames {
  const found: ClassNames = new Map();
  const entries: [unknown, unknown][] = Array.isArray(features)
    ? features.filter(isRecord).map(({ name, type }) => [name, type])
    : isRecord(features)
      ? Object.entries(features)
      : [];
  for (const [name, feature] of entries) {
    const names = namesOf(feature);
    if (typeof name === 'string' && names) found.set(name, names);
  }
  return found;
}

/** Of a ClassLabel, or of a list of them in any of the ways that versions of the library have written it. */
function namesOf(feature: unknown): string[] | null {
  if (Array.isArray(feature)) return feature.length === 1 ? namesOf(feature[0]) : null;
  if (!isRecord(feature)) return null;
  const { _type, names, feature: inner } = feature;
  if (_type === 'ClassLabel' && Array.isArray(names) && names.every((name) => typeof name === 'string')) {
    return names;
  }
  return inner === undefined ? null : namesOf(inner);
}

/** Puts names in place of class numbers; a number without a name (-1 says “not told”) becomes an empty cell. */
export function nameClasses(
  columns: readonly string[],
  rows: string[][],
  classNames: ClassNames,
  notes: string[],
): void {
  const named: string[] = [];
  let untold = 0;
  columns.forEach((column, c) => {
    const names = classNames.get(column);
    if (!names) return;
    let used = false;
    for (const row of rows) {
      if (/^-?\d+$/.test(row[c])) {
        used = true;
        if (!(row[c] in names)) untold++;
        row[c] = names[Number(row[c])] ?? '';
      } else if (/^\[[\d,]*\]$/.test(row[c])) {
        used = true;
        const numbers = JSON.parse(row[c]) as number[];
        row[c] = JSON.stringify(numbers.map((number) => names[number] ?? String(number)));
      }
    }
    if (used)
      named.push(`“${column}” (${names.slice(0, LISTED).join(', ')}${names.length > LISTED ? ', …' : ''})`);
  });
  if (named.length > 0)
    notes.push(`Class numbers were replaced by the names that the file gives: ${named.join('; ')}.`);
  if (untold > 0) {
    notes.push(
      `${untold} class ${untold === 1 ? 'number has' : 'numbers have'} no name (-1 stands for “not told”) and ${untold === 1 ? 'was' : 'were'} left empty.`,
    );
  }
}
