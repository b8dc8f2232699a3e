/** @file Greedy generation of the reference engine equals transformers', with and without a prompt; of the fused engine: goldenFused….test.ts. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { streamOf } from '../../app/engine/weightStream';
import { expectedGeneration, generateGreedily } from '../../tools/golden/generation';
import { startNodeBackend } from '../../tools/node/backend';

const golden = fileURLToPath(new URL('../golden', import.meta.url));
const names = readdirSync(golden, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

it('has a fixture for every golden model, long enough and clear at every token', () => {
  expect(names.filter((name) => !existsSync(join(golden, name, 'generation.json')))).toEqual([]);
  for (const name of names) {
    const { bare, prompted, leastMargin } = expectedGeneration(join(golden, name));
    expect([name, bare.length, prompted.length]).toEqual([name, 40, 40]);
    expect(leastMargin).toBeGreaterThan(1e-3);
    expect(bare).not.toEqual(prompted);
  }
});

describe('the reference engine generates what transformers does', () => {
  beforeAll(() => startNodeBackend('cpu'));

  it.each(names)('in %s', async (name) => {
    const folder = join(golden, name);
    const { bare, prompted } = expectedGeneration(folder);
    const found = await generateGreedily(folder, ({ spec, weights }) =>
      createReferenceEngine(spec, streamOf(weights)),
    );
    expect(found).toEqual({ bare, prompted });
  });
});
