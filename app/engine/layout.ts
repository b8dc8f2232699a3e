/**
 * @file A packed batch as the tables that the kernels read. Rows: prefix rows (given keys and values), rows of
 * vector prompts, rows of texts. What changes nothing is left out: texts without a predicted label, and
 * of a text everything from its last label on.
 */
import { labelIndices, promptLength } from './batch';
import type { PackedBatch, SoftPrompt } from './engine';

/**
 * What a step consists of, in u32s. Rows lie prefix rows first (up to `prefixEnd`), then rows of vector prompts (up to
 * `promptEnd`), then rows of texts. Computed are the rows from `activeStart` to `activeEnd`.
 */
export const COUNT_FIELDS = [
  'activeStart',
  'activeEnd',
  'prefixEnd',
  'promptEnd',
  'slots',
  'jobs',
  'labels',
  'sequences',
] as const;

/** The same, and what only the numbers of workgroups depend on. */
export interface Counts extends Record<(typeof COUNT_FIELDS)[number], number> {
  /** Sequences of prompts' own rows; they come first. */
  promptSequences: number;
  /** Computed rows of the longest text, and rows of the longest prompt or prefix. */
  longestText: number;
  longestPrompt: number;
}

export const NO_SLOT = 0xffffffff;

/** All that the layout needs to know of a prompt. */
export interface PromptShape {
  kind: SoftPrompt['kind'];
  length: number;
}

/** A missing prompt, the bare model, is a prompt of no virtual tokens. */
export function promptShape(prompt: SoftPrompt | null): PromptShape {
  return { kind: prompt?.kind ?? 'prompt', length: promptLength(prompt) };
}

function predictsFirst({ kind, length }: PromptShape): boolean {
  return kind === 'prompt' && length > 0;
}

export interface StepLayout {
  counts: Counts;
  /** First row of each prompt. */
  promptStarts: number[];
  /** Rows × (token, position, sequence, slot). */
  rowInfo: Uint32Array;
  /** Sequences × (start, length, promptStart, promptLength, slotStart, slotCount, firstJob, 0). */
  sequences: Uint32Array;
  /** Row of each slot. */
  slotRow: Uint32Array;
  /** Slots × (first label, labels, weight in the loss as bits, 0). */
  slotTargets: Uint32Array;
  /** Labels, in the order of their slots, × (token, prompt). */
  targets: Uint32Array;
  /**
   * A job is a key of a prompt as one sequence sees it; the jobs of a sequence are consecutive.
   * Prompt rows × (first job, jobs between, how many, 0).
   */
  promptRows: Uint32Array;
  /** Of each text of the batch, its labels' indices in `targets`, positions ascending. */
  textLabels: number[][];
  /** Rows of the longest sequence, its prompt included: positions that are needed. */
  positions: number;
}

/** The tables of a step. @throws RangeError where a text names a prompt that is not there. */
export function layoutStep(prompts: readonly PromptShape[], batch: PackedBatch): StepLayout {
  const builder = new LayoutBuilder(prompts);
  for (const text of batch.texts) {
    const prompt = prompts[text.prompt];
    if (!prompt) {
      throw new RangeError(`A text follows prompt ${text.prompt}; there are ${prompts.length} prompts.`);
    }
    builder.addText(
      text.prompt,
      batch.tokenIds.subarray(text.start, text.start + text.length),
      labelIndices(batch, text, predictsFirst(prompt)),
    );
  }
  return builder.build();
}

/** A label that some row predicts. */
interface Target {
  text: number;
  token: number;
}

interface SequencePlan {
  prompt: number;
  /** The prompt's own rows, else a text. */
  own: boolean;
  tokens: Int32Array;
  length: number;
  /** Labels that each predicting row, by its index in the sequence, predicts. */
  predicted: Map<number, Target[]>;
}

class LayoutBuilder {
  private readonly sequences: SequencePlan[] = [];
  /** Index of the sequence of a vector prompt's own rows. */
  private readonly own: (number | null)[];
  private texts = 0;

  constructor(private readonly prompts: readonly PromptShape[]) {
    this.own = prompts.map((prompt, i) => {
      if (!predictsFirst(prompt)) return null;
      const { length } = prompt;
      return this.addSequence({ prompt: i, own: true, tokens: new Int32Array(length), length });
    });
  }

  private addSequence(sequence: Omit<SequencePlan, 'predicted'>): number {
    return this.sequences.push({ ...sequence, predicted: new Map() }) - 1;
  }

  /** `labels`: indices of the text's predicted tokens. */
  addText(prompt: number, tokens: Int32Array, labels: readonly number[]): void {
    const text = this.texts++;
    const lastLabel = labels.at(-1);
    if (lastLabel === undefined) return;
    const target = (t: number): Target => ({ text, token: tokens[t] });
    if (labels[0] === 0) {
      // Predicted from the last virtual token; `labels` has 0 only where there is one.
      const own = this.sequences[this.own[prompt] as number];
      const row = own.length - 1;
      own.predicted.set(row, [...(own.predicted.get(row) ?? []), target(0)]);
    }
    if (lastLabel === 0) return;
    const index = this.addSequence({ prompt, own: false, tokens, length: lastLabel });
    for (const t of labels) if (t > 0) this.sequences[index].predicted.set(t - 1, [target(t)]);
  }

  build(): StepLayout {
    const { prompts } = this;
    const lengths = prompts.map(({ length }) => length);
    const promptStarts: number[] = new Array(prompts.length);
    let rows = 0;
    const place = (prefix: boolean) => {
      prompts.forEach((prompt, i) => {
        if ((prompt.kind === 'prefix') !== prefix) return;
        promptStarts[i] = rows;
        rows += lengths[i];
      });
      return rows;
    };
    const prefixEnd = place(true);
    const promptEnd = place(false);
    // Sequences of prompts come first, so their rows are where `place` put them.
    const starts = this.sequences.map(({ own, prompt, length }) => {
      if (own) return promptStarts[prompt];
      rows += length;
      return rows - length;
    });

    const labelsOfPrompt = new Array<number>(prompts.length).fill(0);
    for (const { predicted, prompt } of this.sequences) {
      for (const targets of predicted.values()) labelsOfPrompt[prompt] += targets.length;
    }
    const weightBits = labelsOfPrompt.map(
      (n) => new Uint32Array(Float32Array.of(1 / Math.max(n, 1)).buffer)[0],
    );

    const { jobs, firstJobs, promptRows } = this.promptJobs(promptStarts, lengths, promptEnd);
    const rowInfo = new Uint32Array(rows * 4);
    const sequences = new Uint32Array(this.sequences.length * 8);
    const slotRow: number[] = [];
    const slotTargets: number[] = [];
    const targets: number[] = [];
    const textLabels: number[][] = Array.from({ length: this.texts }, () => []);
    let positions = 1;
    this.sequences.forEach(({ own, prompt, tokens, length, predicted }, index) => {
      const start = starts[index];
      const before = own ? 0 : lengths[prompt];
      const firstSlot = slotRow.length;
      for (let i = 0; i < length; i++) {
        const row = start + i;
        const found = predicted.get(i);
        rowInfo.set([tokens[i], before + i, index, found ? slotRow.length : NO_SLOT], row * 4);
        if (!found) continue;
        slotRow.push(row);
        slotTargets.push(targets.length / 2, found.length, weightBits[prompt], 0);
        for (const { text, token } of found) {
          textLabels[text].push(targets.length / 2);
          targets.push(token, prompt);
        }
      }
      const slots = slotRow.length - firstSlot;
      const follows = own ? 0 : promptStarts[prompt];
      sequences.set([start, length, follows, before, firstSlot, slots, firstJobs[index]], index * 8);
      positions = Math.max(positions, before + length);
    });

    return {
      counts: {
        activeStart: prefixEnd,
        activeEnd: rows,
        prefixEnd,
        promptEnd,
        slots: slotRow.length,
        jobs,
        sequences: this.sequences.length,
        promptSequences: this.own.filter((index) => index !== null).length,
        longestText: longest(this.sequences.filter(({ own }) => !own).map(({ length }) => length)),
        longestPrompt: longest(lengths),
        labels: targets.length / 2,
      },
      promptStarts,
      rowInfo,
      sequences,
      slotRow: Uint32Array.from(slotRow),
      slotTargets: Uint32Array.from(slotTargets),
      targets: Uint32Array.from(targets),
      promptRows,
      textLabels,
      positions,
    };
  }

  /** For each prompt, sequence by sequence, a job for each of its rows; and how many there are. */
  private promptJobs(promptStarts: readonly number[], lengths: readonly number[], promptEnd: number) {
    let jobs = 0;
    const firstJobs = new Array<number>(this.sequences.length).fill(0);
    const promptRows = new Uint32Array(promptEnd * 4);
    this.prompts.forEach((_, prompt) => {
      const first = jobs;
      let followers = 0;
      this.sequences.forEach((sequence, index) => {
        if (sequence.prompt !== prompt) return;
        followers++;
        firstJobs[index] = jobs;
        jobs += lengths[prompt];
      });
      for (let j = 0; j < lengths[prompt]; j++) {
        promptRows.set([first + j, lengths[prompt], followers, 0], (promptStarts[prompt] + j) * 4);
      }
    });
    return { jobs, firstJobs, promptRows };
  }
}

function longest(lengths: readonly number[]): number {
  return lengths.reduce((a, b) => Math.max(a, b), 0);
}

/** A prompt and a text of which the last row predicts what comes next; nothing is known of that. */
export function layoutGeneration(prompt: PromptShape, tokenIds: Int32Array): StepLayout {
  const tokens = new Int32Array(tokenIds.length + 1);
  tokens.set(tokenIds);
  const isLabel = new Uint8Array(tokens.length);
  isLabel[tokens.length - 1] = 1;
  const texts = [{ start: 0, length: tokens.length, prompt: 0 }];
  return layoutStep([prompt], { tokenIds: tokens, isLabel, texts });
}
