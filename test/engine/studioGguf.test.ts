/** @file A quantised model dropped as its GGUF file, on the processor: it stays as small on the device, trains, answers, and its prompt's file says so. */
import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import { expect, it } from 'vitest';
import { StudioService } from '../../app/workers/studio';
import { nodePlatform } from '../../tools/node/platform';

const gguf = new URL('../fixtures/gguf/llama.gguf', import.meta.url);
const rows = ['nice', 'dull', 'good', 'poor'].map((word, i) => `the ${word} film,${i % 2 ? 'bad' : 'good'}`);
const csv = new File([`input,target\n${rows.join('\n')}\n`], 'tiny.csv');

it('a quantised model stays so, and its prompt says what it was trained on', async () => {
  const studio = new StudioService(nodePlatform);
  await studio.open(new URL('../../public/', import.meta.url).href, () => undefined, 'wasm');
  const file = new File([new Uint8Array(readFileSync(gguf))], 'llama.gguf');
  // 8 bits are for floats: what is asked for there changes nothing here.
  const report = await studio.loadModel({ kind: 'files', files: [file] }, 'int8');
  expect(report).toMatchObject({
    quantised: true,
    weightFormat: 'stored',
    engine: { name: 'wasm', problem: null },
  });
  expect(report.dtype).toMatch(/8-bit.*4-bit/);
  expect(report.notes.join()).toMatch(/quantised \(.*Q4_0/);
  expect(report.weightBytes / report.parameters).toBeLessThan(1.6);

  await studio.openDataset([csv]);
  const { settings } = await studio.suggestSettings();
  const memory = await studio.memory(settings);
  expect(memory.weights).toBe(report.weightBytes);
  await studio.train({ ...settings, steps: 2, batchSize: 2, virtualTokens: 2, validateEvery: 2 });
  const prompt = await studio.download('peft');
  const text = (name: string) => new TextDecoder().decode(unzipSync(prompt.bytes)[name]);
  expect(text('README.md')).toMatch(/trained on quantised weights, `.*Q4_0.*`, of a GGUF file/);
  expect(text('README.md')).toContain('calls its model `llama` and does not say where on the Hub');
  expect(JSON.parse(text('adapter_config.json'))).toMatchObject({
    peft_type: 'PROMPT_TUNING',
    token_dim: 64,
  });
});
