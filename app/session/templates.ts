/** @file Columns and templates: `{column}` in a template stands for that column's cell. */
import type { DataOptions, DatasetReport } from '../workers/protocol';

/** The first of the dataset's columns that a template uses, or null. */
export function columnOf(template: string, columns: readonly string[]): string | null {
  const used = columns.filter((column) => mentions(template, column));
  const place = (column: string) => template.indexOf(`{${column}}`);
  return used.sort((a, b) => place(a) - place(b))[0] ?? null;
}

function mentions(template: string, column: string): boolean {
  return template.includes(`{${column}}`);
}

/**
 * Puts a column in the place of another, keeping the words around it; a template without the old column becomes
 * the new column alone.
 */
export function replaceColumn(template: string, before: string | null, column: string): string {
  if (before !== null && mentions(template, before)) {
    // A function: in a text `$&` of a column's name would mean something.
    return template.replaceAll(`{${before}}`, () => `{${column}}`);
  }
  return `{${column}}`;
}

/** Options with another input column: its template keeps its words. */
export function withInputColumn(
  options: DataOptions,
  columns: readonly string[],
  column: string,
): DataOptions {
  const before = columnOf(options.inputTemplate, columns);
  return { ...options, inputTemplate: replaceColumn(options.inputTemplate, before, column) };
}

/** Options with another target column. */
export function withTargetColumn(
  options: DataOptions,
  columns: readonly string[],
  column: string,
): DataOptions {
  const before = columnOf(options.targetTemplate, columns);
  return { ...options, targetTemplate: replaceColumn(options.targetTemplate, before, column) };
}

/** Pairs of input and target, text alone, or conversations: the columns in use go over as far as they fit. */
export function withKind(
  given: DataOptions,
  { columns, conversationColumns }: Pick<DatasetReport, 'columns' | 'conversationColumns'>,
  kind: DataOptions['kind'],
): DataOptions {
  if (kind === given.kind) return given;
  if (kind === 'conversation') {
    return {
      ...given,
      kind,
      inputTemplate: '',
      targetTemplate: '',
      turnColumns: conversationColumns.slice(0, 1),
    };
  }
  const options = { ...given, turnColumns: [] };
  if (kind === 'plainText') {
    const text = columnOf(options.inputTemplate, columns) ?? columnOf(options.targetTemplate, columns);
    return { ...options, kind, inputTemplate: '', targetTemplate: `{${text ?? columns[0]}}` };
  }
  const text = columnOf(options.targetTemplate, columns) ?? columns[0];
  const target = columns.findLast((column) => column !== text) ?? text;
  return { ...options, kind, inputTemplate: `{${text}}\n`, targetTemplate: `{${target}}` };
}
