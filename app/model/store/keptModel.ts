/** @file One model's folder in the store: bytes come and go, and which are there is written down as they come. */
import { crc32 } from '../../formats/crc32';
import { quotedSaying } from '../../formats/readable';
import { CHUNK_BYTES } from '../source';
import type { FileStore, StoreFile } from './fileStore';
import { isWhole, MANIFEST_NAME, type Manifest, type ManifestFile } from './manifest';
import { addRange, type Range, rangeBytes, splitRange } from './ranges';

/** Bytes after which the manifest is written: what a crash can cost. */
const SAVE_EVERY = 32 * 2 ** 20;
/** Of files with more bytes than this missing, it is asked first whether there is room. */
const LARGE = 16 * 2 ** 20;

export class KeptModel {
  private readonly open = new Map<string, { file: StoreFile; mode: 'read' | 'write' }>();
  private unsaved = 0;
  private saving: Promise<void> = Promise.resolve();
  private problem: string | null = null;

  constructor(
    private readonly store: FileStore,
    readonly folder: string,
    readonly manifest: Manifest,
    private readonly onClose: () => void,
  ) {}

  /** Why nothing more is kept, for the person; null while it is. */
  get notKept(): string | null {
    return this.problem;
  }

  entry(name: string): ManifestFile | null {
    return Object.hasOwn(this.manifest.files, name) ? this.manifest.files[name] : null;
  }

  /** Begins a file anew. */
  begin(name: string, facts: { size: number | null; validator: string | null }): void {
    if (this.problem) return;
    const storedAs = this.entry(name)?.storedAs ?? `file${Object.keys(this.manifest.files).length}`;
    this.manifest.files[name] = { ...facts, storedAs, ranges: [], sums: {}, verified: false };
    this.manifest.absent = this.manifest.absent.filter((absent) => absent !== name);
  }

  /** Forgets what is there of a file. */
  discard(name: string): void {
    const entry = this.entry(name);
    if (entry) Object.assign(entry, { ranges: [], sums: {}, verified: false });
    this.manifest.complete = false;
  }

  markAbsent(name: string): void {
    this.discard(name);
    if (!this.manifest.absent.includes(name)) this.manifest.absent.push(name);
  }

  isWhole(name: string): boolean {
    const entry = this.entry(name);
    return entry !== null && isWhole(entry);
  }

  split(name: string, begin: number, end: number): ReturnType<typeof splitRange> {
    return splitRange(this.entry(name)?.ranges ?? [], begin, end);
  }

  /** Fills `into` from byte `at` on. @returns whether the bytes were there after all */
  async read(name: string, at: number, into: Uint8Array): Promise<boolean> {
    try {
      const file = await this.file(name, 'read');
      if (!file) return false;
      return (await file.read(at, into)) === into.byteLength;
    } catch {
      return false;
    }
  }

  /**
   * What is kept of a chunk from its start on: into the start of `into`, compared with the sum that was made when it came.
   * @param at where the chunk begins
   * @param into as long as the whole chunk
   * @returns how many bytes; 0 also where they could not be read, `damaged` where they are not what was written
   */
  async readChunk(name: string, at: number, into: Uint8Array): Promise<number | 'damaged'> {
    const entry = this.entry(name);
    const [first] = this.split(name, at, at + into.byteLength);
    if (!entry || !first?.inside) return 0;
    const sum = entry.sums[at / CHUNK_BYTES];
    const bytes = into.subarray(0, sum ? Math.min(sum[0], first.end - at) : first.end - at);
    if (!(await this.read(name, at, bytes))) return this.forget(entry, at, into.byteLength);
    if (sum && sum[0] === bytes.byteLength && crc32(bytes) !== sum[1]) {
      return this.forget(entry, at, into.byteLength);
    }
    // Of before there were sums: what was read now is what must be read next time.
    if (!sum) addToSums(entry, at, bytes);
    return bytes.byteLength;
  }

  private forget(entry: ManifestFile, at: number, length: number): 'damaged' {
    entry.ranges = entry.ranges.flatMap(([begin, end]): Range[] => [
      ...(begin < at ? [[begin, Math.min(end, at)] as Range] : []),
      ...(end > at + length ? [[Math.max(begin, at + length), end] as Range] : []),
    ]);
    delete entry.sums[at / CHUNK_BYTES];
    Object.assign(entry, { verified: false });
    this.manifest.complete = false;
    return 'damaged';
  }

  /** Makes a file ready for `write`; where that cannot be, or the rest of it has no room, the reason is in `notKept`. */
  async prepare(name: string): Promise<void> {
    const entry = this.entry(name);
    if (this.problem || !entry) return;
    try {
      const missing = (entry.size ?? 0) - rangeBytes(entry.ranges as Range[]);
      if (missing > LARGE) {
        const { used, quota } = await this.store.usage();
        if (used !== null && quota !== null && quota - used < missing) {
          throw new DOMException('There is no room.', 'QuotaExceededError');
        }
      }
      await this.file(name, 'write');
    } catch (error) {
      this.stop(error);
    }
  }

  /** Keeps bytes of a prepared file. A full disk ends keeping, never the download. */
  write(name: string, at: number, bytes: Uint8Array): void {
    const entry = this.entry(name);
    const open = this.open.get(name);
    if (this.problem || !entry || open?.mode !== 'write') return;
    try {
      open.file.write(at, bytes);
    } catch (error) {
      this.stop(error);
      return;
    }
    entry.ranges = addRange(entry.ranges as Range[], at, at + bytes.byteLength);
    addToSums(entry, at, bytes);
    this.unsaved += bytes.byteLength;
  }

  /** The model has been read whole. */
  async markComplete(): Promise<void> {
    this.manifest.complete = this.problem === null;
    await this.save();
  }

  /** The size of a file whose server told none. */
  setSize(name: string, size: number): void {
    const entry = this.entry(name);
    if (entry) entry.size = size;
  }

  /** Writes the manifest if much has come since it was last written. */
  async saveIfDue(): Promise<void> {
    if (this.unsaved >= SAVE_EVERY) await this.save();
  }

  /** Writes the manifest: one writing after another, since the browser lets a file be open for writing only once. */
  save(): Promise<void> {
    this.saving = this.saving.then(() => this.writeManifest());
    return this.saving;
  }

  private async writeManifest(): Promise<void> {
    if (this.problem) return;
    this.unsaved = 0;
    try {
      for (const { file, mode } of this.open.values()) if (mode === 'write') file.flush();
      await this.store.writeText(this.folder, MANIFEST_NAME, JSON.stringify(this.manifest));
    } catch (error) {
      this.stop(error);
    }
  }

  /** Lets go of all files. Where keeping has failed, what there is of the model is deleted: it would only take room. */
  async close(): Promise<void> {
    await this.save();
    for (const { file } of this.open.values()) file.close();
    this.open.clear();
    if (this.problem && !this.manifest.complete) await this.store.remove(this.folder).catch(() => undefined);
    this.onClose();
  }

  private async file(name: string, mode: 'read' | 'write'): Promise<StoreFile | null> {
    const entry = this.entry(name);
    if (!entry) return null;
    const open = this.open.get(name);
    if (open && (open.mode === mode || open.mode === 'write')) return open.file;
    open?.file.close();
    this.open.delete(name);
    const file = await this.store.open(this.folder, entry.storedAs, mode);
    this.open.set(name, { file, mode });
    return file;
  }

  private stop(error: unknown): void {
    const name = error instanceof DOMException ? error.name : '';
    this.problem =
      name === 'QuotaExceededError'
        ? 'There is no room to keep this model in the browser: it will have to be downloaded again next time. Delete models that are kept, or free space on the disk.'
        : name === 'NoModificationAllowedError'
          ? 'Another tab is downloading this model; this one does not keep it.'
          : `The model could not be kept in the browser${quotedSaying(error)}: it will have to be downloaded again next time.`;
  }
}

/** Sums what was written, chunk by chunk; a chunk whose bytes do not come in order has no sum. */
function addToSums(entry: ManifestFile, at: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; ) {
    const chunk = Math.floor((at + done) / CHUNK_BYTES);
    const within = at + done - chunk * CHUNK_BYTES;
    const piece = bytes.subarray(done, done + CHUNK_BYTES - within);
    const before = within === 0 ? [0, 0] : entry.sums[chunk];
    if (before?.[0] === within) entry.sums[chunk] = [within + piece.byteLength, crc32(piece, before[1])];
    else delete entry.sums[chunk];
    done += piece.byteLength;
  }
}
