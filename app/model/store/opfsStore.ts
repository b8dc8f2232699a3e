/** @file The origin's private file system as a store. Runs in a worker: only there are files read and written without copies. */
import type { FileStore, StoreFile, StoreUsage } from './fileStore';

const ROOT = 'models';

/** Of workers' file handles (https://fs.spec.whatwg.org); a page's types do not have it. */
interface SyncAccessHandle {
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(bytes: number): void;
  flush(): void;
  close(): void;
}
/** Newer browsers let several readers have a file open. */
type WorkerFileHandle = FileSystemFileHandle & {
  createSyncAccessHandle(options?: { mode: 'read-only' }): Promise<SyncAccessHandle>;
};

/** Null where the browser has no such file system, or does not open it (private windows of some browsers). */
export async function openOpfsStore(): Promise<FileStore | null> {
  try {
    if (!('FileSystemSyncAccessHandle' in globalThis)) return null;
    const root = await navigator.storage.getDirectory();
    return new OpfsStore(await root.getDirectoryHandle(ROOT, { create: true }));
  } catch {
    return null;
  }
}

class OpfsStore implements FileStore {
  constructor(private readonly root: FileSystemDirectoryHandle) {}

  async folders(): Promise<string[]> {
    const names: string[] = [];
    for await (const [name, handle] of this.root.entries()) if (handle.kind === 'directory') names.push(name);
    return names;
  }

  async open(folder: string, name: string, mode: 'read' | 'write'): Promise<StoreFile> {
    const create = mode === 'write';
    const directory = await this.root.getDirectoryHandle(folder, { create });
    const file = (await directory.getFileHandle(name, { create })) as WorkerFileHandle;
    if (mode === 'write') return new SyncFile(await file.createSyncAccessHandle());
    try {
      return new SyncFile(await file.createSyncAccessHandle({ mode: 'read-only' }));
    } catch {
      // Another tab has it open in a browser where one excludes the other.
      return new ReadOnlyFile(await file.getFile());
    }
  }

  async readText(folder: string, name: string): Promise<string | null> {
    try {
      const directory = await this.root.getDirectoryHandle(folder);
      const file = await (await directory.getFileHandle(name)).getFile();
      return await file.text();
    } catch {
      return null;
    }
  }

  async writeText(folder: string, name: string, text: string): Promise<void> {
    const file = await this.open(folder, name, 'write');
    try {
      const bytes = new TextEncoder().encode(text);
      // Nothing may follow the text.
      (file as SyncFile).truncate(bytes.byteLength);
      file.write(0, bytes);
      file.flush();
    } finally {
      file.close();
    }
  }

  async remove(folder: string): Promise<void> {
    try {
      await this.root.removeEntry(folder, { recursive: true });
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'NotFoundError')) throw error;
    }
  }

  async usage(): Promise<StoreUsage> {
    const { usage, quota } = await navigator.storage.estimate().catch(() => ({}) as StorageEstimate);
    const persisted = await navigator.storage.persisted().catch(() => false);
    return { used: usage ?? null, quota: quota ?? null, persisted };
  }
}

class SyncFile implements StoreFile {
  constructor(private readonly handle: SyncAccessHandle) {}

  read(at: number, into: Uint8Array): number {
    return this.handle.read(into, { at });
  }

  write(at: number, bytes: Uint8Array): void {
    const written = this.handle.write(bytes, { at });
    if (written < bytes.byteLength) throw new DOMException('The disk took less.', 'QuotaExceededError');
  }

  truncate(bytes: number): void {
    this.handle.truncate(bytes);
  }

  flush(): void {
    this.handle.flush();
  }

  close(): void {
    this.handle.close();
  }
}

class ReadOnlyFile implements StoreFile {
  constructor(private readonly file: File) {}

  async read(at: number, into: Uint8Array): Promise<number> {
    const bytes = new Uint8Array(await this.file.slice(at, at + into.byteLength).arrayBuffer());
    into.set(bytes);
    return bytes.byteLength;
  }

  write(): void {
    throw new DOMException('It is open for reading.', 'NoModificationAllowedError');
  }

  flush(): void {}

  close(): void {}
}
