/** @file The files of a drop, those of dropped folders included, each with its path. */
import type { PlacedFile } from '../../session/modelFiles';

/** A model's folder in a cache lies this deep; more would be a disk. */
const MAX_DEPTH = 4;
const MAX_FILES = 2000;

/** Reads the drop's entries at once: they are gone when the event is over. */
export async function filesOf(transfer: DataTransfer): Promise<PlacedFile[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...transfer.files].map((file) => ({ path: file.name, file }));
  const folders = entries.filter((entry): entry is FileSystemDirectoryEntry => entry?.isDirectory ?? false);
  if (folders.length === 0) return plain;
  const files = plain.filter((_, index) => !entries[index]?.isDirectory);
  for (const folder of folders) await collect(folder, folder.name, 1, files);
  return files;
}

async function collect(
  folder: FileSystemDirectoryEntry,
  path: string,
  depth: number,
  files: PlacedFile[],
): Promise<void> {
  const reader = folder.createReader();
  // A reader hands out entries in portions and ends with an empty one.
  for (;;) {
    const portion = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (portion.length === 0) return;
    for (const entry of portion) {
      if (files.length >= MAX_FILES) return;
      const here = `${path}/${entry.name}`;
      if (entry.isFile) files.push({ path: here, file: await fileOf(entry as FileSystemFileEntry) });
      else if (depth < MAX_DEPTH) await collect(entry as FileSystemDirectoryEntry, here, depth + 1, files);
    }
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
