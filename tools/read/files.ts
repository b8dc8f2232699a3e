/** @file What lies at a path, as the files that a person would drop: a folder's with their places in it, or one. */
import { openAsBlob } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ReadError } from './reader';

/** Folders below the one that is named, and files in all of them. */
const DEEPEST = 3;
const MOST_FILES = 10_000;

/** Files that are read only where they are looked at. @throws where nothing can be read at the path */
export async function filesAt(path: string): Promise<File[]> {
  if (!(await stat(path)).isDirectory()) return [await fileAt(path, '')];
  const files: File[] = [];
  await collect(path, basename(path), DEEPEST, files);
  return files;
}

async function collect(folder: string, place: string, depth: number, files: File[]): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (files.length >= MOST_FILES) return;
    const path = join(folder, entry.name);
    if (entry.isFile()) files.push(await fileAt(path, `${place}/${entry.name}`));
    else if (entry.isDirectory() && depth > 0)
      await collect(path, `${place}/${entry.name}`, depth - 1, files);
  }
}

async function fileAt(path: string, place: string): Promise<File> {
  const file = new File([await openAsBlob(path)], basename(path));
  // As a browser tells it of a dropped folder's files.
  Object.defineProperty(file, 'webkitRelativePath', { value: place });
  return file;
}

/** What was thrown, for the line of output: errors in words as they are. */
export function errorLine(error: unknown): ReadError {
  if (error instanceof Error && 'hint' in error) return { message: error.message, hint: String(error.hint) };
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'ENOENT') return { message: 'There is nothing at this path.', hint: 'Check its spelling.' };
  if (code === 'EACCES' || code === 'EPERM') {
    return { message: 'It may not be read.', hint: 'Ask for the right to read it, or copy it.' };
  }
  throw error;
}
