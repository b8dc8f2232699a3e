/** @file Room in WebAssembly's memory: blocks that are handed out, given back and joined again. */
import { EngineMemoryError } from '../errors';
import { roundUp } from './scratch';

const PAGE = 65536;
/** The first page holds the module's own data and nothing here. */
const FIRST = PAGE;
const ALIGNMENT = 64;

interface Gap {
  at: number;
  bytes: number;
}

export class Heap {
  /** Free blocks by address; no two of them touch. */
  private gaps: Gap[] = [];
  private readonly sizes = new Map<number, number>();
  private end = FIRST;
  private cached: {
    buffer: ArrayBufferLike;
    floats: Float32Array;
    words: Uint32Array;
    bytes: Uint8Array;
  } | null = null;

  constructor(readonly memory: WebAssembly.Memory) {}

  /** The address of `bytes` bytes, whatever they hold. @throws EngineMemoryError where the memory does not grow that far */
  allocate(bytes: number): number {
    const size = Math.max(ALIGNMENT, roundUp(bytes, ALIGNMENT));
    const index = this.gaps.findIndex((gap) => gap.bytes >= size);
    if (index >= 0) {
      const gap = this.gaps[index];
      const { at } = gap;
      gap.at += size;
      gap.bytes -= size;
      if (gap.bytes === 0) this.gaps.splice(index, 1);
      this.sizes.set(at, size);
      return at;
    }
    const tail = this.gaps.at(-1);
    const at = tail && tail.at + tail.bytes === this.end ? tail.at : this.end;
    this.grow(at + size);
    if (at !== this.end) this.gaps.pop();
    this.end = at + size;
    this.sizes.set(at, size);
    return at;
  }

  /** Gives a block back. */
  free(at: number): void {
    const bytes = this.sizes.get(at);
    if (bytes === undefined) throw new Error(`Nothing was allocated at ${at}.`);
    this.sizes.delete(at);
    const next = this.gaps.findIndex((gap) => gap.at > at);
    const index = next < 0 ? this.gaps.length : next;
    this.gaps.splice(index, 0, { at, bytes });
    for (const i of [index, index - 1]) {
      const [gap, after] = [this.gaps[i], this.gaps[i + 1]];
      if (!gap || !after || gap.at + gap.bytes !== after.at) continue;
      gap.bytes += after.bytes;
      this.gaps.splice(i + 1, 1);
    }
  }

  /** Bytes that are handed out. */
  get used(): number {
    return [...this.sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Views of all the memory; they are new ones after it has grown. */
  get floats(): Float32Array {
    return this.views().floats;
  }

  get words(): Uint32Array {
    return this.views().words;
  }

  get bytes(): Uint8Array {
    return this.views().bytes;
  }

  private views() {
    const { buffer } = this.memory;
    // A shared memory's buffer stays the same object for as long as it is large enough.
    if (this.cached?.buffer !== buffer) {
      this.cached = {
        buffer,
        floats: new Float32Array(buffer),
        words: new Uint32Array(buffer),
        bytes: new Uint8Array(buffer),
      };
    }
    return this.cached;
  }

  private grow(end: number): void {
    const has = this.memory.buffer.byteLength;
    if (end <= has) return;
    try {
      this.memory.grow(Math.ceil((end - has) / PAGE));
    } catch (cause) {
      throw new EngineMemoryError(
        `WebAssembly's memory did not grow to ${Math.ceil(end / 1e6).toLocaleString('en')} MB.`,
        { cause },
      );
    }
  }
}
