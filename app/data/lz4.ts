/** @file Reading LZ4 frames (the frame and block formats of lz4/doc): what Arrow compresses with. */

const MAGIC = 0x184d2204;
/** What a frame may unpack to. */
const LARGEST = 1024 ** 3;

/** The content of a frame; checksums are passed over. @throws Error where it is damaged */
export function decodeLz4Frame(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (view.getUint32(0, true) !== MAGIC) throw new Error('not an LZ4 frame');
  const flags = frame[4];
  const blockChecksums = (flags & 0x10) !== 0;
  const hasSize = (flags & 0x08) !== 0;
  const hasDictionary = (flags & 0x01) !== 0;
  let at = 6;
  const size = hasSize ? Number(view.getBigUint64(at, true)) : 0;
  if (size > LARGEST) throw new Error('an LZ4 frame of more than 1 GiB');
  if (hasSize) at += 8;
  if (hasDictionary) at += 4;
  // The header's checksum.
  at += 1;
  const output = new Output(size || frame.length * 4);
  for (;;) {
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const length = word & 0x7fffffff;
    if (at + length > frame.length) throw new Error('an LZ4 block is cut short');
    const block = frame.subarray(at, at + length);
    if (word >>> 31) output.append(block);
    else decodeBlock(block, output);
    at += length + (blockChecksums ? 4 : 0);
  }
  return output.bytes();
}

/** Sequences of literals and copies of what came before, also of blocks before. */
function decodeBlock(block: Uint8Array, output: Output): void {
  let at = 0;
  const more = (start: number) => {
    let length = start;
    if (start !== 15) return length;
    for (;;) {
      if (at >= block.length) throw new Error('an LZ4 block is cut short');
      const byte = block[at++];
      length += byte;
      if (byte !== 255) return length;
    }
  };
  while (at < block.length) {
    const token = block[at++];
    const literals = more(token >> 4);
    if (at + literals > block.length) throw new Error('an LZ4 block is cut short');
    output.append(block.subarray(at, at + literals));
    at += literals;
    // The last sequence has literals only.
    if (at >= block.length) return;
    const offset = block[at] | (block[at + 1] << 8);
    at += 2;
    output.copy(offset, more(token & 15) + 4);
  }
}

class Output {
  private memory: Uint8Array<ArrayBuffer>;
  private length = 0;

  constructor(expected: number) {
    this.memory = new Uint8Array(Math.min(expected, LARGEST));
  }

  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.memory.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** A copy may reach into what it writes itself: a run. */
  copy(offset: number, length: number): void {
    if (offset === 0 || offset > this.length) throw new Error('an LZ4 copy begins before the data');
    this.reserve(length);
    const { memory } = this;
    const from = this.length - offset;
    if (offset >= length) memory.copyWithin(this.length, from, from + length);
    else for (let i = 0; i < length; i++) memory[this.length + i] = memory[from + i];
    this.length += length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.length === this.memory.length ? this.memory : this.memory.slice(0, this.length);
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.memory.length) return;
    if (needed > LARGEST) throw new Error('an LZ4 frame of more than 1 GiB');
    const grown = new Uint8Array(Math.min(LARGEST, Math.max(needed, this.memory.length * 2)));
    grown.set(this.memory.subarray(0, this.length));
    this.memory = grown;
  }
}
