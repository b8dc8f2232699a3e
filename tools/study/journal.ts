/**
 * @file Results on disk as JSON lines: a header, then a record for each piece of work, appended when it is done, so that work that
 * was broken off goes on with what is missing.
 */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Journal<Header, Entry> {
  path: string;
  header: Header;
  records: Entry[];
}

interface Begun {
  kind: string;
  /** Day on which it was begun. */
  date: string;
}

/**
 * The newest journal in a folder whose name ends so, or a new one there.
 * @param end what follows the date and a hyphen
 */
export function openJournal<Header extends Begun, Entry extends { kind: string }>(
  folder: string,
  end: string,
  header: Header,
): Journal<Header, Entry> {
  const newest = newestIn(folder, (name) => name === end);
  if (newest) return readJournal(newest, header.kind);
  const path = join(folder, `${header.date}-${end}`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(header)}\n`);
  return { path, header, records: [] };
}

/** The path of the newest file in a folder whose name, after the date and a hyphen, is right; null where there is none. */
export function newestIn(folder: string, isRight: (name: string) => boolean): string | null {
  const found = existsSync(folder) ? readdirSync(folder).filter((name) => isRight(name.slice(11))) : [];
  const newest = found.sort().at(-1);
  return newest ? join(folder, newest) : null;
}

/**
 * A last line that was broken off while it was written is cut away, and its piece is missing.
 * @throws Error where the file is none of this kind
 */
export function readJournal<Header extends Begun, Entry extends { kind: string }>(
  path: string,
  kind: string,
): Journal<Header, Entry> {
  const text = readFileSync(path, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole !== text) writeFileSync(path, whole);
  const lines = whole.split('\n').filter((line) => line !== '');
  const [header, ...records] = lines.map((line) => JSON.parse(line) as Header | Entry);
  if (header?.kind !== kind) throw new Error(`${path} does not begin as a ${kind}’s results do.`);
  return {
    path,
    header: header as Header,
    records: records.filter((one): one is Entry => one.kind === 'cell'),
  };
}

/** Keeps a record at once. */
export function append<Header, Entry>(journal: Journal<Header, Entry>, record: Entry): void {
  appendFileSync(journal.path, `${JSON.stringify(record)}\n`);
  journal.records.push(record);
}
