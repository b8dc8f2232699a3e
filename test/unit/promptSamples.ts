/** @file Artefacts and files that the prompt tests share. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createRandom } from '../../app/formats/random';
import type { ModelIdentity } from '../../app/model/identity';
import type { NamedBytes } from '../../app/prompt/peft';
import type { PromptArtefact } from '../../app/prompt/types';

export const identity: ModelIdentity = {
  id: 'someone/small-model',
  revision: 'abc123',
  weightsHash: 'a'.repeat(64),
  embeddingHash: 'b'.repeat(64),
  blockHash: 'e'.repeat(64),
  configHash: 'f'.repeat(64),
  tokenizerHash: 'c'.repeat(64),
  hidden: 12,
  layers: 2,
  heads: 6,
  kvHeads: 2,
  headDim: 2,
};

/** Floats that catch careless conversions: both zeros, subnormals, extremes, 1/3. */
const awkward = [0, -0, 1e-45, -1.17549435e-38, 3.4028234663852886e38, -65504, 1 / 3, Math.PI];

/** A seeded artefact with awkward values in front; a prefix has the width that `identity` asks for. */
export function sampleArtefact(kind: PromptArtefact['kind'] = 'prompt', virtualTokens = 5): PromptArtefact {
  const width =
    kind === 'prompt' ? identity.hidden : 2 * identity.layers * identity.kvHeads * identity.headDim;
  const random = createRandom(7).next;
  const values = Float32Array.from({ length: virtualTokens * width }, () => random() * 4 - 2);
  values.set(awkward);
  return {
    kind,
    virtualTokens,
    width,
    values,
    model: { ...identity },
    card: {
      seed: '7',
      learningRate: '0.3',
      inputTemplate: 'Text: {text}\nLabel:',
      finalLoss: '0.123',
      format: 'odd',
    },
  };
}

/** The bits of float32 values: tells -0 from 0. */
export function bitsOf(values: Float32Array): number[] {
  return [...new Uint32Array(values.slice().buffer)];
}

/** A file of test/fixtures/prompts, made by real PEFT, PyTorch or NumPy. */
export function fixture(path: string): NamedBytes {
  const url = new URL(`../fixtures/prompts/${path}`, import.meta.url);
  return {
    name: path.slice(path.lastIndexOf('/') + 1),
    bytes: new Uint8Array(readFileSync(fileURLToPath(url))),
  };
}

export function textFile(name: string, text: string): NamedBytes {
  return { name, bytes: new TextEncoder().encode(text) };
}
