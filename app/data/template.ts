/** @file Templates: text with `{column}` places; `{{` and `}}` stand for braces. */
import { DataError } from './errors';

/** Doubled braces, a column's place, a brace by itself, other text. */
const PIECES = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;

type Part = { text: string } | { column: number };

/** A template ready to be filled with rows of a table. */
export interface Template {
  /** Indices of the columns it uses. */
  columns: number[];
  /** A line that is columns alone, all of them empty in this row, is left out with its line break. */
  fill(row: readonly string[]): string;
}

/** @throws DataError for an unknown column (listing the known ones) and for a brace without its partner. */
export function compileTemplate(template: string, columns: readonly string[]): Template {
  const parts = readParts(template, columns);
  const lines = linesOf(parts);
  return {
    columns: parts.flatMap((part) => ('column' in part ? [part.column] : [])),
    fill(row) {
      const cell = (part: Part) => ('text' in part ? part.text : (row[part.column] ?? ''));
      return lines
        .filter(
          (line) =>
            lines.length === 1 ||
            !line.every((part) => isBreak(part) || isEmpty(part, row)) ||
            line.every(isBreak),
        )
        .map((line) => line.map(cell).join(''))
        .join('');
    },
  };
}

/** The parts of each line, its line break the last of them. */
function linesOf(parts: readonly Part[]): Part[][] {
  const lines: Part[][] = [[]];
  for (const part of parts) {
    if ('column' in part) {
      lines[lines.length - 1].push(part);
      continue;
    }
    for (const text of part.text.split(/(?<=\n)/)) {
      lines[lines.length - 1].push({ text });
      if (text.endsWith('\n')) lines.push([]);
    }
  }
  return lines.filter((line) => line.length > 0);
}

function isBreak(part: Part): boolean {
  return 'text' in part && part.text === '\n';
}

function isEmpty(part: Part, row: readonly string[]): boolean {
  return 'column' in part && (row[part.column] ?? '').trim() === '';
}

/** Names in braces, in their order; a template that cannot be read has those that can be. */
export function templateColumns(template: string): string[] {
  return [...template.matchAll(PIECES)].flatMap(([, name]) => name || []);
}

/** The template that is just this column's cell. */
export function columnTemplate(column: string): string {
  return `{${column}}`;
}

function readParts(template: string, columns: readonly string[]): Part[] {
  const parts: Part[] = [];
  for (const [piece, name] of template.matchAll(PIECES)) {
    if (name !== undefined) {
      parts.push({ column: findColumn(name, template, columns) });
    } else if (piece === '{' || piece === '}') {
      throw new DataError(`The template ${JSON.stringify(template)} has a “${piece}” without its partner.`, {
        hint: 'A column is written {name}; for a brace in the text write {{ or }}.',
      });
    } else {
      parts.push({ text: piece === '{{' || piece === '}}' ? piece[0] : piece });
    }
  }
  return parts;
}

function findColumn(name: string, template: string, columns: readonly string[]): number {
  let at = columns.indexOf(name);
  if (at < 0) at = columns.indexOf(name.trim());
  if (at < 0) at = columns.findIndex((column) => column.toLowerCase() === name.trim().toLowerCase());
  if (at >= 0) return at;
  throw new DataError(
    `The template ${JSON.stringify(template)} names a column “${name}” that does not exist.`,
    {
      hint: `Columns: ${columns.join(', ')}. For a brace in the text write {{ or }}.`,
    },
  );
}
