/**
 * @file A list of records, worked through by any number of threads. Each record is so many independent items; a thread takes the
 * next one that nobody has, and goes on to the next record when all of one are done. So a thread that is slow, or was
 * never started, keeps nobody waiting but for the item it holds.
 */
import { activation, activationBackward } from './activations';
import { attend } from './attention';
import { attendBackward, sumJobs } from './attentionBackward';
import { losses, nearest } from './head';
import { fewRows, matmul } from './matmul';
import { addRows, copyRows, heads, headsBackward, norm, normBackward } from './norms';
import { embed, squares } from './tables';

/** The same numbers in `../records.ts`. */
const enum Op {
  MATMUL = 0,
  FEW_ROWS = 1,
  EMBED = 2,
  NORM = 3,
  NORM_BACKWARD = 4,
  HEADS = 5,
  HEADS_BACKWARD = 6,
  ADD_ROWS = 7,
  ACTIVATION = 8,
  ACTIVATION_BACKWARD = 9,
  ATTEND = 10,
  ATTEND_BACKWARD = 11,
  SUM_JOBS = 12,
  LOSSES = 13,
  NEAREST = 14,
  SQUARES = 15,
  COPY_ROWS = 16,
}

/** Bytes of a record: kernel, items, next item to be taken, items done, then the kernel's own words. */
const RECORD: usize = 144;

// The control block: words at these offsets.
/** Odd while there is work. */
const GATE: usize = 0;
/** Threads beside the first that are at work. */
const INSIDE: usize = 4;
const RECORDS: usize = 8;
const COUNT: usize = 12;
/** Naps (of a millisecond) without any progress after which the first thread gives up. */
const PATIENCE: usize = 16;
const QUIT: usize = 20;
/** Scratch of the first thread, and bytes of each. */
const SCRATCH: usize = 24;
const SCRATCH_BYTES: usize = 28;

/** Looks at a word this often before it sleeps until it is woken. */
const SPINS: i32 = 4000;
/** Nanoseconds. Sleep is in short naps: in Node 20 a call to wake up has been seen to get lost. */
const NAP: i64 = 1000000;

/** Works through the list as the first thread. @returns 0, or 1 where another thread holds an item and does not finish it */
export function run(control: usize): i32 {
  atomic.add<i32>(control + GATE, 1);
  atomic.notify(control + GATE, -1);
  const stuck = walk(control, <usize>load<u32>(control, SCRATCH), load<i32>(control, PATIENCE));
  atomic.add<i32>(control + GATE, 1);
  return stuck | settle(control);
}

/** Waits until the other threads have left the list, so that it can be written anew. */
function settle(control: usize): i32 {
  let spins = 0;
  let naps = 0;
  let inside = atomic.load<i32>(control + INSIDE);
  while (inside != 0) {
    if (spins++ >= SPINS) {
      atomic.wait<i32>(control + INSIDE, inside, NAP);
      if (naps++ >= load<i32>(control, PATIENCE)) return 1;
    }
    inside = atomic.load<i32>(control + INSIDE);
  }
  return 0;
}

/** Works as the thread of that number, from 1 on, until told to quit. */
export function serve(control: usize, thread: i32): void {
  while (atomic.load<i32>(control + QUIT) == 0) {
    const gate = atomic.load<i32>(control + GATE);
    if ((gate & 1) == 0) {
      atomic.wait<i32>(control + GATE, gate, -1);
      continue;
    }
    atomic.add<i32>(control + INSIDE, 1);
    // The list may have been closed, and another be in the writing, before that was seen.
    if ((atomic.load<i32>(control + GATE) & 1) == 1) {
      const scratch = <usize>load<u32>(control, SCRATCH) + <usize>thread * load<u32>(control, SCRATCH_BYTES);
      walk(control, scratch, -1);
    }
    atomic.sub<i32>(control + INSIDE, 1);
    atomic.notify(control + INSIDE, -1);
    const now = atomic.load<i32>(control + GATE);
    if (now == gate) atomic.wait<i32>(control + GATE, gate, -1);
  }
}

/** @returns 1 where no item was done for so many naps; with a negative patience, where the first thread gave up */
function walk(control: usize, scratch: usize, patience: i32): i32 {
  let op = <usize>load<u32>(control, RECORDS);
  for (let left = load<i32>(control, COUNT); left > 0; left--, op += RECORD) {
    const items = load<i32>(op, 4);
    for (;;) {
      if (atomic.load<i32>(op + 8) >= items) break;
      const item = atomic.add<i32>(op + 8, 1);
      if (item >= items) break;
      work(op, item, scratch);
      if (atomic.add<i32>(op + 12, 1) + 1 == items) atomic.notify(op + 12, -1);
    }
    let spins = 0;
    let naps = 0;
    let before = 0;
    for (;;) {
      const done = atomic.load<i32>(op + 12);
      if (done >= items) break;
      if (spins++ < SPINS) continue;
      atomic.wait<i32>(op + 12, done, NAP);
      naps = done == before ? naps + 1 : 0;
      before = done;
      if (patience < 0) {
        if ((atomic.load<i32>(control + GATE) & 1) == 0) return 1;
      } else if (naps > patience) return 1;
    }
  }
  return 0;
}

function work(op: usize, item: i32, scratch: usize): void {
  switch (load<i32>(op)) {
    case Op.MATMUL:
      matmul(op, item, scratch);
      break;
    case Op.FEW_ROWS:
      fewRows(op, item, scratch);
      break;
    case Op.EMBED:
      embed(op, item, scratch);
      break;
    case Op.NORM:
      norm(op, item);
      break;
    case Op.NORM_BACKWARD:
      normBackward(op, item);
      break;
    case Op.HEADS:
      heads(op, item);
      break;
    case Op.HEADS_BACKWARD:
      headsBackward(op, item);
      break;
    case Op.ADD_ROWS:
      addRows(op, item);
      break;
    case Op.ACTIVATION:
      activation(op, item);
      break;
    case Op.ACTIVATION_BACKWARD:
      activationBackward(op, item);
      break;
    case Op.ATTEND:
      attend(op, item, scratch);
      break;
    case Op.ATTEND_BACKWARD:
      attendBackward(op, item, scratch);
      break;
    case Op.SUM_JOBS:
      sumJobs(op, item);
      break;
    case Op.LOSSES:
      losses(op, item);
      break;
    case Op.NEAREST:
      nearest(op, item);
      break;
    case Op.SQUARES:
      squares(op, item, scratch);
      break;
    case Op.COPY_ROWS:
      copyRows(op, item);
      break;
    default:
      unreachable();
  }
}
