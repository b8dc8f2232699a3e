/**
 * @file `npm run golden -- FOLDER… [--engine reference] [--backend cpu|wasm|webgpu]`: compares an engine
 * with PyTorch's numbers, one JSON line a case; exits 1 if any case is not ok.
 */
import { parseArgs } from 'node:util';
import type { BackendName } from '../../app/engine/backend';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { startNodeBackend } from '../node/backend';
import { findCases, runCase } from './case';

const engines = {
  reference: createReferenceEngine,
};
const backends: readonly string[] = ['cpu', 'wasm', 'webgpu'] satisfies BackendName[];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: 'string', default: 'reference' },
    backend: { type: 'string', default: 'cpu' },
  },
});
process.exitCode = await main();

async function main(): Promise<number> {
  const engine = values.engine as keyof typeof engines;
  const usage = `usage: npm run golden -- FOLDER… [--engine ${Object.keys(engines).join('|')}] [--backend ${backends.join('|')}]`;
  if (!(engine in engines) || !backends.includes(values.backend) || positionals.length === 0) {
    console.error(usage);
    return 2;
  }
  await startNodeBackend(values.backend as BackendName);
  let allOk = true;
  for (const golden of positionals.flatMap(findCases)) {
    const shared = { case: golden.name, engine, backend: values.backend };
    try {
      const result = await runCase(golden, ({ spec, weights }) => engines[engine](spec, weights));
      console.log(JSON.stringify({ ...shared, ...result }));
      allOk &&= result.ok;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      console.log(JSON.stringify({ ...shared, ok: false, error: message }));
      allOk = false;
    }
  }
  return allOk ? 0 : 1;
}
