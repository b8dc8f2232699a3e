/**
 * @file A golden case: a tiny model's folder with PyTorch's numbers for a soft prompt or a prefix, and how far
 * an engine is from them. The format is described in test/golden/README.md.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine, PackedBatch, SoftPrompt } from '../../app/engine/engine';
import { toFloat32 } from '../../app/formats/floats';
import { parseSafetensorsHeader } from '../../app/formats/safetensors';
import { loadNetwork, type Network } from '../../app/model/load';
import type { FileSource } from '../../app/model/source';
import { AdamW } from '../../app/training/adamW';
import { folderSource } from './folderSource';

interface CaseFile {
  examples: { inputIds: number[]; labels: number[] }[];
  loss: number;
  adamw: {
    learningRate: number;
    beta1: number;
    beta2: number;
    epsilon: number;
    weightDecay: number;
    steps: number;
    losses: number[];
    finalLoss: number;
  };
}

export interface GoldenCase {
  /** `NAME`, or `NAME/prefix`. */
  name: string;
  folder: string;
  kind: 'prompt' | 'prefix';
}

/** How far an engine is from a case. Losses in nats; errors are absolute but for the gradient's, which is ‖g − g*‖ / ‖g*‖. */
export interface GoldenResult {
  loss: number;
  lossError: number;
  gradError: number;
  logitError: number;
  trajectoryError: number;
  ok: boolean;
}

export const TOLERANCE = { loss: 1e-4, gradient: 1e-4, logits: 2e-4, trajectory: 1e-3 };

/** The cases in a folder: its own, or those of the folders in it. @throws Error where there is none. */
export function findCases(folder: string): GoldenCase[] {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) throw new Error(`${folder} is not a folder.`);
  const cases: GoldenCase[] = [];
  const name = basename(resolve(folder));
  if (existsSync(join(folder, 'case.json'))) cases.push({ name, folder, kind: 'prompt' });
  if (existsSync(join(folder, 'prefix_case.json'))) {
    cases.push({ name: `${name}/prefix`, folder, kind: 'prefix' });
  }
  if (cases.length > 0) return cases;
  const inner = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(folder, entry.name))
    .filter((path) => existsSync(join(path, 'case.json')) || existsSync(join(path, 'prefix_case.json')))
    .sort();
  if (inner.length === 0) throw new Error(`${folder} holds no case.json and no folders with one.`);
  return inner.flatMap(findCases);
}

/** A case's batch, and the prompt it starts from. */
export function readCase(golden: GoldenCase): {
  batch: PackedBatch;
  prompt: ReturnType<typeof readTensor>;
} {
  const prefix = golden.kind === 'prefix' ? 'prefix_' : '';
  const file = JSON.parse(readFileSync(join(golden.folder, `${prefix}case.json`), 'utf8')) as CaseFile;
  const prompt = readTensor(join(golden.folder, `${prefix}expected.safetensors`), golden.kind);
  return { batch: packCase(file), prompt };
}

/**
 * Runs a case on tfjs's present backend with the engine that `create` makes.
 * @param source where the model is, if not in the case's folder
 */
export async function runCase(
  golden: GoldenCase,
  create: (network: Network) => Engine | Promise<Engine>,
  source: FileSource = folderSource(golden.folder),
): Promise<GoldenResult> {
  const prefix = golden.kind === 'prefix' ? 'prefix_' : '';
  const file = JSON.parse(readFileSync(join(golden.folder, `${prefix}case.json`), 'utf8')) as CaseFile;
  const expectedName = `${prefix}expected.safetensors`;
  const expectedTensor = (name: string) => readTensor(join(golden.folder, expectedName), name);
  const network = await loadNetwork(source);
  const engine = await create(network);
  const batch = packCase(file);
  const start = expectedTensor(golden.kind);
  const [rows, width] = start.shape;
  const variable = tf.variable(tf.tensor2d(start.values, [rows, width])) as tf.Variable<tf.Rank.R2>;
  const prompt: SoftPrompt =
    golden.kind === 'prompt'
      ? { kind: 'prompt', vectors: variable }
      : { kind: 'prefix', keysValues: variable };

  // As the trainer does before the first step.
  await engine.prepare([prompt], [batch]);
  const logits = engine.labelLogits([prompt], batch);
  const logitError = largestDifference(
    (await logits.data()) as Float32Array,
    expectedTensor('logits').values,
  );
  logits.dispose();

  const gradientAndLoss = () =>
    tf.variableGrads(() => tf.sum(engine.loss([prompt], batch)) as tf.Scalar, [variable]);
  const first = gradientAndLoss();
  const loss = (await first.value.data())[0];
  const gradient = (await first.grads[variable.name].data()) as Float32Array;
  tf.dispose([first.value, first.grads]);
  const gradError = relativeDifference(gradient, expectedTensor(`${golden.kind}_grad`).values);

  const optimizer = new AdamW([rows, width], file.adamw);
  let trajectoryError = 0;
  for (let step = 0; step <= file.adamw.steps; step++) {
    const { value, grads } = gradientAndLoss();
    const want = step < file.adamw.steps ? file.adamw.losses[step] : file.adamw.finalLoss;
    trajectoryError = worst(trajectoryError, Math.abs((await value.data())[0] - want));
    const norm = optimizer.apply(variable, grads[variable.name], file.adamw.learningRate);
    tf.dispose([value, grads, norm]);
  }
  optimizer.dispose();
  variable.dispose();
  engine.dispose();

  const lossError = Math.abs(loss - file.loss);
  const ok =
    lossError <= TOLERANCE.loss &&
    gradError <= TOLERANCE.gradient &&
    logitError <= TOLERANCE.logits &&
    trajectoryError <= TOLERANCE.trajectory;
  return { loss, lossError, gradError, logitError, trajectoryError, ok };
}

/** A tensor of an F32 file of expected values. @throws Error where there is none of that name. */
export function readTensor(path: string, name: string): { values: Float32Array; shape: number[] } {
  const bytes = Uint8Array.from(readFileSync(path));
  const tensor = parseSafetensorsHeader(bytes, { file: path }).tensors.get(name);
  if (!tensor) throw new Error(`${path} has no tensor “${name}”.`);
  const { begin, end, shape } = tensor;
  return { values: toFloat32({ dtype: 'F32', data: bytes.slice(begin, end) }), shape: [...shape] };
}

function packCase(file: CaseFile): PackedBatch {
  const texts: PackedBatch['texts'] = [];
  const tokenIds: number[] = [];
  const isLabel: number[] = [];
  for (const { inputIds, labels } of file.examples) {
    texts.push({ start: tokenIds.length, length: inputIds.length, prompt: 0 });
    tokenIds.push(...inputIds);
    isLabel.push(...labels.map((label) => (label === -100 ? 0 : 1)));
  }
  return { tokenIds: Int32Array.from(tokenIds), isLabel: Uint8Array.from(isLabel), texts };
}

/** The larger of two, and NaN where either is: a NaN must never pass for a small error. */
function worst(a: number, b: number): number {
  return a >= b ? a : b;
}

function largestDifference(found: Float32Array, want: Float32Array): number {
  if (found.length !== want.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(found[i] - want[i]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

function relativeDifference(found: Float32Array, want: Float32Array): number {
  if (found.length !== want.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < want.length; i++) {
    difference += (found[i] - want[i]) ** 2;
    size += want[i] ** 2;
  }
  return Math.sqrt(difference / size);
}
