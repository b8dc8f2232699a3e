/** @file Templates: text with `{column}` places; `{{` and `}}` stand for braces. */
import { DataError } from './errors';

type Part = { text: string } | { column: number };

/** A template ready to be filled with rows of a table. */
export interface Template {
  /** Indices of the columns it uses. */
  columns: number[];
  fill(row: readonly string[]): string;
}

/** @throws DataError for an unknown column (listing the known ones) and for a brace without its partner. */
export function compileTemplate(template: string, columns: readonly string[]): Template {
  const parts = readParts(template, columns);
  return {
    columns: parts.flatMap((part) => ('column' in part ? [part.column] : [])),
    fill: (row) => parts.map((part) => ('text' in part ? part.text : (row[part.column] ?? ''))).join(''),
  };
}

/** The template that is just this column's cell. */
export function columnTemplate(column: string): string {
  return `{${column}}`;
}

function readParts(template: string, columns: readonly string[]): Part[] {
  const parts: Part[] = [];
  const pattern = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;
  for (const [piece, name] of template.matchAll(pattern)) {
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
