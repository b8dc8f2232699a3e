/** @file Token by token after a prompt and a text, with the keys and values of all that went before kept. */
import { bucket } from '../capacity';
import type { SoftPrompt } from '../engine';
import { layoutGeneration, promptShape, type StepLayout } from '../layout';
import { widthsOf } from './buffers';
import { recordEmbedding, recordLayers, type StepSource } from './forward';
import { recordFinalNorm, recordHeadChunk } from './head';
import type { Rows } from './shapes';
import { promptTensor, type StepRunner } from './steps';

export class Decoder {
  /** Keys and values of every layer, a row as in a prefix: `[room, layers · 2K]`. */
  private cache = 0;
  private past = 0;
  /** Of the token that comes next. */
  logits = new Float32Array(0);

  /** @param room Tokens that may be generated. */
  constructor(
    private readonly steps: StepRunner,
    prompt: SoftPrompt | null,
    tokenIds: Int32Array,
    room: number,
  ) {
    const layout = layoutGeneration(promptShape(prompt), tokenIds);
    const { prefix } = widthsOf(steps.spec);
    const rows = layout.counts.activeEnd + room;
    this.cache = steps.pool.heap.allocate(4 * rows * prefix);
    try {
      steps.patiently(() => {
        const plan = steps.planFor('forward', layout, 1);
        steps.write(plan, layout, [prompt]);
        if (prompt?.kind === 'prefix') {
          steps.pool.heap.floats.set(promptTensor(prompt).dataSync(), this.cache / 4);
        }
        this.compute(steps.source(plan, layout));
        this.past = layout.counts.activeEnd;
      });
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Those of all rows so far, `[rows, layers · 2K]`. */
  keysValues(): Float32Array {
    const from = this.cache / 4;
    const { prefix } = widthsOf(this.steps.spec);
    return this.steps.pool.heap.floats.slice(from, from + this.past * prefix);
  }

  /** Takes a token behind all others; whoever waits for this thread comes first. */
  async push(token: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    this.steps.patiently(() => {
      const layout = oneRow(token, this.past);
      const plan = this.steps.planFor('forward', layout, 1);
      this.steps.write(plan, layout, []);
      // All that was before stands as a prefix in the cache, from its row 0 on.
      const source = { ...this.steps.source(plan, layout), prefixes: this.cache, prefixRows: 1 };
      this.compute(source);
    });
    this.past++;
  }

  release(): void {
    if (this.cache !== 0) this.steps.pool.heap.free(this.cache);
    this.cache = 0;
  }

  private compute(source: StepSource): void {
    const { steps, cache } = this;
    const { keys, queries, qkv, prefix } = widthsOf(steps.spec);
    const { activeStart, activeEnd } = source.layout.counts;
    const list = steps.list();
    recordEmbedding(list, source);
    recordLayers(list, source, (layer) => {
      const at = source.buffers.layers[layer];
      const isLast = layer === steps.spec.layers.length - 1;
      const from: Rows = isLast ? { at: at.kv, stride: 2 * keys } : { at: at.qkv + 4 * queries, stride: qkv };
      // Rows that are computed stand behind the prefix; a single one behind all that is past.
      const behind = activeStart === 0 && activeEnd === 1 ? this.past : 0;
      const to = { at: cache + 4 * (layer * 2 * keys + behind * prefix), stride: prefix };
      list.copyRows(activeStart, activeEnd, 2 * keys, from, to);
    });
    recordFinalNorm(list, source);
    recordHeadChunk(list, source, { first: 0, slots: 1 }, false);
    steps.pool.run(list, source.buffers);
    const first = source.buffers.logits / 4;
    this.logits = steps.pool.heap.floats.slice(first, first + steps.spec.vocabSize);
  }
}

/** A step of one row behind `past` others. */
function oneRow(token: number, past: number): StepLayout {
  return {
    counts: {
      activeStart: 0,
      activeEnd: 1,
      prefixEnd: 0,
      promptEnd: 0,
      slots: 1,
      jobs: 0,
      labels: 1,
      sequences: 1,
      promptSequences: 0,
      longestText: 1,
      longestPrompt: 0,
    },
    promptStarts: [],
    rowInfo: Uint32Array.of(token, past, 0, 0),
    sequences: Uint32Array.of(0, 1, 0, past, 0, 1, 0, 0),
    slotRow: Uint32Array.of(0),
    slotTargets: Uint32Array.of(0, 1, 0, 0),
    targets: Uint32Array.of(0, 0),
    promptRows: new Uint32Array(0),
    textLabels: [[0]],
    // So that the tables of rotations do not grow with every token.
    positions: bucket(past + 1),
  };
}
