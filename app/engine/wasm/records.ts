/**
 * @file A list of records in the making: of each the kernel, its items, what the scheduler counts, and then the kernel's own words.
 */

/** Words of a record, of which the first four are the scheduler's. */
export const RECORD_WORDS = 36;
const OWN_WORDS = 4;

// As in assembly/index.ts.
export enum Op {
  Matmul = 0,
  FewRows = 1,
  Embed = 2,
  Norm = 3,
  NormBackward = 4,
  Heads = 5,
  HeadsBackward = 6,
  AddRows = 7,
  Activation = 8,
  ActivationBackward = 9,
  Attend = 10,
  AttendBackward = 11,
  SumJobs = 12,
  Losses = 13,
  Nearest = 14,
  Squares = 15,
  CopyRows = 16,
}

/** A whole number or an address; or a number that the kernel reads as a float. */
export type Word = number | { float: number };

export class RecordList {
  private words = new Int32Array(64 * RECORD_WORDS);
  private floats = new Float32Array(this.words.buffer);
  count = 0;

  /** The records from `first` on, at most `most` of them, as they are to lie in memory. */
  slice(first: number, most: number): Int32Array {
    const last = Math.min(first + most, this.count);
    return this.words.subarray(first * RECORD_WORDS, last * RECORD_WORDS);
  }

  /** A list for each record. */
  single(): RecordList[] {
    return Array.from({ length: this.count }, (_, i) => {
      const list = new RecordList();
      list.words.set(this.slice(i, 1));
      list.count = 1;
      return list;
    });
  }

  protected push(op: Op, items: number, words: readonly Word[]): void {
    if (items <= 0) return;
    const at = this.count * RECORD_WORDS;
    if (at + RECORD_WORDS > this.words.length) {
      const larger = new Int32Array(2 * this.words.length);
      larger.set(this.words);
      this.words = larger;
      this.floats = new Float32Array(larger.buffer);
    }
    this.words.set([op, items, 0, 0], at);
    words.forEach((word, i) => {
      if (typeof word === 'number') this.words[at + OWN_WORDS + i] = word;
      else this.floats[at + OWN_WORDS + i] = word.float;
    });
    this.count++;
  }
}
