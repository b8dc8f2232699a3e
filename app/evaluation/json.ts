/** @file Answers that should be JSON: whether they parse, how many fields are right, whether all is. */

/** One answer beside the wanted JSON. */
export interface JsonMeasures {
  /** Whether the answer is JSON at all. */
  parses: boolean;
  /** Part of the wanted fields that the answer has with the same value; fields it has too many count as wrong ones. */
  fields: number;
  /** Whether it says the same, whatever the order of keys and the white space. */
  exact: boolean;
}

/** Whether targets are JSON objects or lists: then answers are measured as JSON. */
export function isJsonTask(targets: readonly string[]): boolean {
  return targets.length > 0 && targets.every((target) => isContainer(parse(target)));
}

/** @param target JSON; where it is not, nothing can be right. */
export function measureJson(answer: string, target: string): JsonMeasures {
  const wanted = parse(target);
  const said = parse(answer);
  if (said === undefined) return { parses: false, fields: 0, exact: false };
  if (wanted === undefined) return { parses: true, fields: 0, exact: false };
  const fieldsWanted = leaves(wanted);
  const fieldsSaid = leaves(said);
  const right = [...fieldsWanted].filter(([path, value]) => fieldsSaid.get(path) === value).length;
  const all = new Set([...fieldsWanted.keys(), ...fieldsSaid.keys()]).size;
  return { parses: true, fields: right / all, exact: right === all };
}

/** Every value that is no list or object, by its path; empty lists and objects are values. */
function leaves(value: unknown, path = '', into = new Map<string, string>()): Map<string, string> {
  const entries = isContainer(value) ? Object.entries(value as object) : [];
  if (entries.length === 0) return into.set(path, JSON.stringify(value));
  for (const [key, inner] of entries) {
    const step = Array.isArray(value) ? `[${key}]` : `.${JSON.stringify(key)}`;
    leaves(inner, path + step, into);
  }
  return into;
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** Undefined where the text is not JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
