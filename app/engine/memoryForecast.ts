/** @file What training takes of the device's memory, foreseen from a model's specification and settings. */
import type { Backend, Saving } from './engine';
import type { ModelSpec } from './spec';
import { estimateOnProcessor } from './wasm/estimate';
import { estimateTraining, SAVINGS, type TrainingShape } from './webgpu/plan/estimate';

/** What training takes of the GPU, foreseen for settings, in bytes. */
export interface MemoryReport {
  weights: number;
  training: number;
  /** What the engine would keep of the forward pass within the budget; null where plain JavaScript computes. */
  saving: Saving | null;
  /** What may be used: the person's choice, or a guess from the adapter's limits. */
  budget: number;
  /** Whether `budget` is a guess: browsers do not say how much memory a GPU has. */
  guessed: boolean;
  fits: boolean;
}

const GIB = 2 ** 30;
/** The guess stays within this: a laptop's share of its memory on one side, most graphics cards on the other. */
const LEAST_GUESS = GIB;
const MOST_GUESS = 8 * GIB;
/** What a tab gives WebAssembly's and plain JavaScript's numbers: their addresses end at 4 GiB, and not all of it is had. */
const PROCESSOR_BUDGET = 2 * GIB;

/** Settings that memory is worked out for where there are none yet. */
export const USUAL_SHAPE: TrainingShape = { virtualTokens: 20, batch: 16, length: 64, labels: 8 };

/** How much may be used, and whether that is a guess. */
export interface MemoryBudget {
  bytes: number;
  guessed: boolean;
}

/**
 * Browsers do not say how much memory a GPU has: the largest buffer it allows is a hint, and so is the machine's memory.
 * @param maxBufferSize The device's limit, in bytes; null without WebGPU.
 * @param deviceMemory `navigator.deviceMemory` in GiB, where there is one.
 */
export function guessBudget(maxBufferSize: number | null, deviceMemory: number | undefined): MemoryBudget {
  if (maxBufferSize === null) return { bytes: PROCESSOR_BUDGET, guessed: true };
  const byMachine = deviceMemory === undefined ? MOST_GUESS : (deviceMemory / 2) * GIB;
  const bytes = Math.min(
    Math.max(2 * maxBufferSize, LEAST_GUESS),
    Math.max(byMachine, LEAST_GUESS),
    MOST_GUESS,
  );
  return { bytes, guessed: true };
}

/** What training would take, and what the engine would keep of the forward pass: the most that fits. */
export function planMemory(
  model: { spec: ModelSpec; weightBytes: number },
  shape: TrainingShape,
  budget: MemoryBudget,
  backend: Backend,
): MemoryReport {
  const { spec, weightBytes: weights } = model;
  const common = { weights, budget: budget.bytes, guessed: budget.guessed };
  const report = (training: number, saving: Saving | null): MemoryReport => {
    return { ...common, training, saving, fits: weights + training <= budget.bytes };
  };
  if (backend === 'cpu') return report(estimateTraining(spec, shape).all, null);
  const needs: Partial<Record<Saving, number>> =
    backend === 'wasm' ? estimateOnProcessor(spec, shape) : estimateTraining(spec, shape);
  // As the engine chooses: least work within the budget, or else the thriftiest.
  const bytes = (saving: Saving) => needs[saving] ?? Number.POSITIVE_INFINITY;
  const thriftiest = SAVINGS.reduce((a, b) => (bytes(b) < bytes(a) ? b : a));
  const saving = SAVINGS.find((one) => weights + bytes(one) <= budget.bytes) ?? thriftiest;
  return report(bytes(saving), saving);
}
