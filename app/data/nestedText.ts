/** @file Columns of text that is really structure: JSON or Python's print of objects in the cells of a CSV file. */
import { JsonFault, JsonReader, type JsonValue, jsonText } from './jsonReader';
import { readPythonLiteral } from './pythonLiteral';
import type { Table } from './types';

/** Objects and lists of objects. A list of plain values may be a text that means itself. */
const STRUCTURE = /^\s*(\{|\[\s*\{|\[\s*\]|array\(\s*\[\s*\{)/;

/** Marks columns of which every filled cell is an object or a list of objects; their cells become compact JSON. */
export function findNestedText(table: Table): void {
  table.columns.forEach((column, c) => {
    if (table.nested.includes(c)) return;
    const first = table.rows.find((row) => row[c].trim() !== '')?.[c];
    if (first === undefined || !STRUCTURE.test(first)) return;
    let python = false;
    const cells: string[] = [];
    let objects = 0;
    for (const row of table.rows) {
      const cell = row[c];
      if (cell.trim() === '') {
        cells.push('');
        continue;
      }
      if (!STRUCTURE.test(cell)) return;
      const json = readJson(cell);
      const value = json ?? readPythonLiteral(cell);
      if (value === undefined) return;
      python ||= json === undefined;
      objects += cell.includes('{') ? 1 : 0;
      cells.push(jsonText(value));
    }
    if (objects === 0) return;
    table.rows.forEach((row, r) => {
      row[c] = cells[r];
    });
    table.nested = [...table.nested, c].sort((a, b) => a - b);
    table.notes.push(
      `“${column}” holds ${python ? 'objects as Python prints them' : 'JSON'} in its cells; it was read as what it says.`,
    );
  });
}

function readJson(cell: string): JsonValue | undefined {
  const reader = new JsonReader(cell);
  try {
    const value = reader.value();
    return reader.atEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof JsonFault) return undefined;
    throw error;
  }
}
