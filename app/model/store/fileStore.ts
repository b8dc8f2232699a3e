/** @file Folders of files that outlive the page, as the store of models needs them; and one in memory for tests. */

/** An open file. Reading and writing take place at once where the platform allows. */
export interface StoreFile {
  /** Fills `into` with bytes from `at` on. @returns how many there were */
  read(at: number, into: Uint8Array): number | Promise<number>;
  /** @throws DOMException `QuotaExceededError` where there is no room; what was written then is undefined. */
  write(at: number, bytes: Uint8Array): void;
  /** What was written is on the disk afterwards. */
  flush(): void;
  close(): void;
}

export interface StoreUsage {
  /** Bytes that the page's origin uses; null where the platform does not say. */
  used: number | null;
  quota: number | null;
  /** The platform does not clear it by itself. */
  persisted: boolean;
}

/** Folders one level deep. Names are letters, digits and dots. */
export interface FileStore {
  folders(): Promise<string[]>;
  /**
   * Opens a file; one for writing is made where it is missing.
   * @throws where it is in use elsewhere, or to be read and not there
   */
  open(folder: string, name: string, mode: 'read' | 'write'): Promise<StoreFile>;
  /** A small file's text, or null where there is none. */
  readText(folder: string, name: string): Promise<string | null>;
  writeText(folder: string, name: string, text: string): Promise<void>;
  /** Deletes a folder with all that is in it; none of that name is no fault. @throws where a file of it is in use */
  remove(folder: string): Promise<void>;
  usage(): Promise<StoreUsage>;
}

/** A file's bytes, at the start of memory that may be larger. */
interface Content {
  memory: Uint8Array;
  size: number;
}

/** A store in memory, with room for `quota` bytes. */
export class MemoryStore implements FileStore {
  private readonly files = new Map<string, Map<string, Content>>();
  private readonly writing = new Set<string>();

  constructor(public quota = Number.POSITIVE_INFINITY) {}

  async folders(): Promise<string[]> {
    return [...this.files.keys()];
  }

  async open(folder: string, name: string, mode: 'read' | 'write'): Promise<StoreFile> {
    const path = `${folder}/${name}`;
    const files = this.files.get(folder) ?? new Map<string, Content>();
    if (this.writing.has(path)) throw new DOMException('It is in use.', 'NoModificationAllowedError');
    if (mode === 'read' && !files.has(name)) throw new DOMException('It is not there.', 'NotFoundError');
    this.files.set(folder, files);
    const content = files.get(name) ?? { memory: new Uint8Array(0), size: 0 };
    files.set(name, content);
    if (mode === 'write') this.writing.add(path);
    return {
      read: (at, into) => {
        const piece = content.memory.subarray(at, Math.min(at + into.byteLength, content.size));
        into.set(piece);
        return piece.byteLength;
      },
      write: (at, bytes) => {
        const size = Math.max(content.size, at + bytes.byteLength);
        if (this.used() - content.size + size > this.quota) {
          throw new DOMException('There is no room.', 'QuotaExceededError');
        }
        if (size > content.memory.byteLength) {
          const larger = new Uint8Array(Math.max(size, 2 * content.memory.byteLength));
          larger.set(content.memory);
          content.memory = larger;
        }
        content.memory.set(bytes, at);
        content.size = size;
      },
      flush: () => undefined,
      close: () => this.writing.delete(path),
    };
  }

  async readText(folder: string, name: string): Promise<string | null> {
    const content = this.files.get(folder)?.get(name);
    return content ? new TextDecoder().decode(content.memory.subarray(0, content.size)) : null;
  }

  async writeText(folder: string, name: string, text: string): Promise<void> {
    const files = this.files.get(folder) ?? new Map<string, Content>();
    this.files.set(folder, files);
    const memory = new TextEncoder().encode(text);
    files.set(name, { memory, size: memory.byteLength });
  }

  async remove(folder: string): Promise<void> {
    if ([...this.writing].some((path) => path.startsWith(`${folder}/`))) {
      throw new DOMException('It is in use.', 'NoModificationAllowedError');
    }
    this.files.delete(folder);
  }

  async usage(): Promise<StoreUsage> {
    return { used: this.used(), quota: this.quota, persisted: true };
  }

  private used(): number {
    let bytes = 0;
    for (const files of this.files.values()) for (const { size } of files.values()) bytes += size;
    return bytes;
  }
}
