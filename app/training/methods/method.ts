/**
 * @file What a method is: how trainable parameters become a soft prompt. A method is data and one differentiable function; what
 * comes out of a run is the soft prompt alone, an ordinary file whatever made it.
 *
 * Adam moves every parameter by about the learning rate a step, whatever its scale. So parameters other than the prompt's own
 * vectors are offsets from a start, each counted in such a unit that the same learning rate, a part of the embedding table's
 * size, is a sensible one for all methods.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../../engine/engine';
import type { InitialiserSource } from '../initialise';
import type { RunSettings } from '../types';

/** Shapes by name, in the order in which they lie one after another. */
export type Shapes = Readonly<Record<string, readonly number[]>>;
export type Tensors = Readonly<Record<string, tf.Tensor>>;
export type Values = Readonly<Record<string, Float32Array>>;

export interface MethodSizes {
  /** Rows that are learned. */
  virtualTokens: number;
  hidden: number;
  /** Numbers of a prefix's row: layers · 2 · kvHeads · headDim. */
  prefixWidth: number;
}

export interface MethodStart {
  /** What is learned. */
  parameters: Values;
  /** What stays as it is. */
  constants: Values;
}

export type MethodSettings = Pick<RunSettings, 'virtualTokens' | 'initialiser' | 'initText' | 'seed'>;

export interface Method {
  parameters(sizes: MethodSizes): Shapes;
  constants(sizes: MethodSizes): Shapes;
  /** The same settings and source give the same numbers. @throws TrainingError when there is nothing to start from */
  start(engine: Engine, settings: MethodSettings, source: InitialiserSource): Promise<MethodStart>;
  /** The prompt's rows, `[virtualTokens, hidden]` or `[virtualTokens, prefixWidth]`; differentiable, in the present scope. */
  rows(parameters: Tensors, constants: Tensors): tf.Tensor2D;
}

export function sizesOf(engine: Pick<Engine, 'spec'>, virtualTokens: number): MethodSizes {
  const { hidden, layers, kvHeads, headDim } = engine.spec;
  return { virtualTokens, hidden, prefixWidth: layers.length * 2 * kvHeads * headDim };
}

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** How many numbers lie in all of them. */
export function total(shapes: Shapes): number {
  return Object.values(shapes).reduce((sum, shape) => sum + elements(shape), 0);
}

/** Values one after another, in the order of their shapes. @throws RangeError where one has another size */
export function flatten(values: Values, shapes: Shapes): Float32Array {
  const flat = new Float32Array(total(shapes));
  let at = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    if (values[name]?.length !== elements(shape)) {
      throw new RangeError(`${name} has ${values[name]?.length} numbers instead of [${shape.join(', ')}].`);
    }
    flat.set(values[name], at);
    at += elements(shape);
  }
  return flat;
}

/** Parts of a flat tensor by name; differentiable, in the present scope. */
export function unflatten(flat: tf.Tensor1D, shapes: Shapes): Tensors {
  const names = Object.keys(shapes);
  if (names.length === 0) return {};
  const sizes = names.map((name) => elements(shapes[name]));
  const parts = names.length === 1 ? [flat] : tf.split(flat, sizes);
  return Object.fromEntries(names.map((name, i) => [name, tf.reshape(parts[i], [...shapes[name]])]));
}

/** LayerNorm (Ba et al. 2016) of every row of x `[n, width]`, without weights. */
export function layerNorm(x: tf.Tensor2D): tf.Tensor2D {
  const centred = tf.sub(x, tf.mean(x, 1, true));
  const variance = tf.mean(tf.square(centred), 1, true);
  return tf.div(centred, tf.sqrt(tf.add(variance, 1e-5))) as tf.Tensor2D;
}

/** Width of a method's small network. */
export function bottleneck(hidden: number): number {
  return Math.min(128, hidden);
}
