/** @file The buffers of final norm, head and cross-entropy, and the chunks in which slots go through them. */
import type { Capacity } from '../../capacity';
import type { ModelSpec } from '../../spec';
import { type RowChunk, rowChunks } from '../limits';
import type { GpuMemory } from '../memory';

/** Slots whose logits are in the buffer at one time. */
export interface HeadChunk extends RowChunk {
  uniform: GPUBuffer;
}

export interface HeadBuffers {
  chunks: HeadChunk[];
  normed: GPUBuffer;
  stats: GPUBuffer;
  /** `[slots of a chunk, V]` */
  logits: GPUBuffer;
  /** Of each label (nats, hit). */
  scores: GPUBuffer;
  /** Of each prompt. */
  loss: GPUBuffer;
}

export function makeHeadBuffers(
  memory: GpuMemory,
  spec: ModelSpec,
  capacity: Capacity,
  logitBytes: number,
): HeadBuffers {
  const size = Math.max(1, Math.min(capacity.slots, Math.floor(logitBytes / (spec.vocabSize * 4))));
  return {
    chunks: rowChunks(capacity.slots, size).map(({ start }) => ({
      start,
      size,
      uniform: memory.uniform('chunk', 16),
    })),
    normed: memory.storage('final normed', capacity.slots * spec.hidden * 4),
    stats: memory.storage('final stats', capacity.slots * 8),
    logits: memory.storage('logits', size * spec.vocabSize * 4),
    scores: memory.storage('scores', capacity.labels * 8),
    loss: memory.storage('loss', capacity.prompts * 4),
  };
}

export function writeChunks(device: GPUDevice, { chunks }: HeadBuffers): void {
  for (const { start, size, uniform } of chunks) {
    device.queue.writeBuffer(uniform, 0, Uint32Array.of(start, size, 0, 0));
  }
}
