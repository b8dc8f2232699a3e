import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TokenExample } from '../../app/data/types';

import { createEngine } from '../../app/engine/choice';
import { streamOf } from '../../app/engine/weightStream';
import { toFloat32 } from '../../app/formats/floats';
import { parseSafetensorsHeader } from '../../app/formats/safetensors';
import { measureEmbeddings } from '../../app/inspect/measures';
import { loadNetwork } from '../../app/model/load';
import { Trainer } from '../../app/training/trainer';
import type { RunSettings, StepRecord } from '../../app/training/types';
import { folderSource } from '../../tools/golden/folderSource';
import { startNodeProcessor } from '../../tools/node/processor';
import { plainLane } from '../unit/trainingFixture';

interface CaseFile {
  promptLength: number;
  examples: { inputIds: number[]; labels: number[] }[];
  adamw: { learningRate: number; weightDecay: number; steps: number; losses: number[]; finalLoss: number };
}

beforeAll(() => startNodeProcessor());

describe('the trainer', () => {
  it.each(['llama-bf16-gqa-tied', 'gpt2-f32'])(
    'follows torch.optim.AdamW step by step on %s',
    async (name) => {
      const folder = join(import.meta.dirname, '../golden', name);
      const { promptLength, examples, adamw } = JSON.parse(
        readFileSync(join(folder, 'case.json'), 'utf8'),
      ) as CaseFile;
      const { spec, weights } = await loadNetwork(folderSource(folder));
      const { engine } = await createEngine(spec, streamOf(weights));
      const training: TokenExample[] = examples.map(({ inputIds, labels }, row) => ({
        tokenIds: Int32Array.from(inputIds),
        isLabel: Uint8Array.from(labels, (label) => (label === -100 ? 0 : 1)),
        cut: 0,
        row,
      }));
      const records: StepRecord[] = [];
      const settings: RunSettings = {
        search: 'none',
        method: 'prompt',
        virtualTokens: promptLength,
        initialiser: 'file',
        initText: '',
        before: '',
        after: '',
        learningRate: adamw.learningRate,
        steps: adamw.steps + 1,
        // Every step sees all examples, in an order that changes nothing.
        batchSize: training.length,
        seed: 0,
        warmupSteps: 0,
        schedule: 'constant',
        clipNorm: 0,
        weightDecay: adamw.weightDecay,
        validateEvery: 1000,
        validationRows: 1,
        noise: 0,
        shots: 0,
        patience: 0,
        minutes: 0,
        instructions: [],
      };
      const run = new Trainer(
        {
          runId: name,
          engine,
          measures: await measureEmbeddings(engine, 0),
          modelKey: name,
          dataHash: name,
          settings,
          data: {
            training,
            validation: [],
            validationExamples: [],
            test: [],
            testExamples: [],
            classes: null,
            classTokens: [],
          },
          lanes: [plainLane(settings, firstPrompt(folder))],
          tokenizer: { stopIds: [], decode: String, tokenText: String },
        },
        { steps: (steps) => records.push(...steps) },
      );
      await run.resume();
      const expected = [...adamw.losses, adamw.finalLoss];
      expect(records).toHaveLength(expected.length);
      records.forEach(({ loss }, i) => {
        expect(Math.abs(loss - expected[i]), `step ${i + 1}`).toBeLessThan(1e-3);
      });
      await run.dispose();
      engine.dispose();
    },
  );
});

function firstPrompt(folder: string): Float32Array {
  const file = 'expected.safetensors';
  const bytes = Uint8Array.from(readFileSync(join(folder, file)));
  const tensor = parseSafetensorsHeader(bytes, { file }).tensors.get('prompt');
  if (!tensor) throw new Error(`${folder}/${file} has no prompt.`);
  return toFloat32({ dtype: 'F32', data: bytes.slice(tensor.begin, tensor.end) });
}
