/** @file The list of models, the memory a run takes, and a download, as the page puts them into words. */
import { describe, expect, it } from 'vitest';
import { tokenFault } from '../../app/session/actions/hubToken';
import { offers, search } from '../../app/session/catalogue';
import { kept, progressWords } from '../../app/session/loading';
import { GIBIBYTE, memoryAdvice, memoryWords, ofBudget } from '../../app/session/memory';
import type { CatalogueModel, MemoryReport } from '../../app/workers/protocol';

const memory = (weights: number, training = 0, budget = 8): MemoryReport => ({
  weights: weights * GIBIBYTE,
  training: training * GIBIBYTE,
  saving: 'all',
  budget: budget * GIBIBYTE,
  guessed: true,
  fits: weights + training <= budget,
});
const model = (id: string, weights: number, more: Partial<CatalogueModel> = {}): CatalogueModel => ({
  id,
  revision: 'main',
  title: id,
  family: 'Llama',
  parameters: 1e9,
  downloadBytes: 2e9,
  licence: 'MIT',
  kind: 'base',
  contextLength: 2048,
  gated: false,
  note: '',
  stored: false,
  memory: memory(weights),
  ...more,
});

describe('offered models', () => {
  const stored = [model('huge', 40), model('large', 12), model('small', 1)];
  const int8 = [model('huge', 22), model('large', 6), model('small', 0.5)];

  it('come with those first that fit, then those that fit in 8 bits', () => {
    const list = offers(stored, int8, false);
    expect(list.map(({ model: { id }, fit, format }) => [id, fit, format])).toEqual([
      ['small', 'stored', 'stored'],
      ['large', 'int8', 'int8'],
      ['huge', 'none', 'int8'],
    ]);
    expect(list[1].memory).toBe(6 * GIBIBYTE);
  });

  it('are all loaded in 8 bits where the person prefers that', () => {
    const list = offers(stored, int8, true);
    expect(list.map(({ format }) => format)).toEqual(['int8', 'int8', 'int8']);
    expect(list[0]).toMatchObject({ fit: 'stored', memory: 0.5 * GIBIBYTE });
  });

  it('are loaded as stored on a device without 8-bit weights', () => {
    expect(offers(stored, null, true).map(({ fit, format }) => [fit, format])).toEqual([
      ['stored', 'stored'],
      ['none', 'stored'],
      ['none', 'stored'],
    ]);
  });

  it('are found by words anywhere in what is said about them', () => {
    const list = offers(
      [model('a/one', 1, { kind: 'chat', note: 'Many languages' }), model('b/two', 1)],
      null,
      false,
    );
    expect(search(list, 'LANGUAGES chat').map(({ model: { id } }) => id)).toEqual(['a/one']);
    expect(search(list, '')).toHaveLength(2);
    expect(search(list, 'chat two')).toEqual([]);
  });
});

describe('memory', () => {
  const levers = { batchSize: 16, longestExample: 200, virtualTokens: 40, int8Possible: true };

  it.each([
    [0.3 * 2 ** 20, '0.3 MB'],
    [38 * 2 ** 20, '38 MB'],
    [1.24 * GIBIBYTE, '1.2 GB'],
    [8 * GIBIBYTE, '8 GB'],
  ])('%d bytes are %s', (bytes, words) => {
    expect(memoryWords(bytes)).toBe(words);
  });

  it('is set against the budget, and a hair too much does not look like enough', () => {
    expect(ofBudget(1.2 * GIBIBYTE, 8 * GIBIBYTE)).toBe('1.2 of 8 GB');
    expect(ofBudget(38 * 2 ** 20, 8 * GIBIBYTE)).toBe('38 MB of 8 GB');
    expect(ofBudget(2.02 * GIBIBYTE, 2 * GIBIBYTE)).toBe('2.02 of 2 GB');
  });

  it('needs no advice where the run fits', () => {
    expect(memoryAdvice(memory(1, 2), levers)).toBeNull();
  });

  it('is saved by the batch first where training is what is too large', () => {
    const advice = memoryAdvice(memory(1, 12), levers);
    expect(advice?.message).toContain('13 GB');
    expect(advice?.steps[0]).toContain('now 16');
    expect(advice?.steps).toContain('8-bit weights');
    const least = memoryAdvice(memory(1, 12), {
      ...levers,
      batchSize: 1,
      virtualTokens: 5,
      int8Possible: false,
    });
    expect(least?.steps.join()).not.toMatch(/batch|virtual|8-bit/);
  });

  it('is not saved by a smaller batch where the weights alone are too large', () => {
    const advice = memoryAdvice(memory(12, 1), levers);
    expect(advice?.message).toContain('weights alone');
    expect(advice?.steps[0]).toBe('8-bit weights');
  });
});

describe('a download', () => {
  const at = {
    phase: 'downloading',
    file: 'model.safetensors',
    loaded: 50e6,
    total: 250e6,
    speed: 10e6,
  } as const;

  it('says bytes, speed and time left', () => {
    expect(progressWords('a/b', at)).toEqual({
      label: 'Downloading: model.safetensors',
      share: 0.2,
      words: '50.0 MB of 250 MB · 10.0 MB/s · 20 s left',
    });
  });

  it('says only what is known', () => {
    const unknown = progressWords('a/b', { ...at, total: 0, speed: null });
    expect(unknown).toMatchObject({ share: null, words: '50.0 MB' });
    expect(progressWords('a/b', null)).toMatchObject({ label: 'Loading a/b', share: null });
  });

  it('that broke has kept what it had, unless nothing had come', () => {
    expect(kept(at)).toBe('50.0 MB of 250 MB');
    expect(kept({ ...at, loaded: 0 })).toBeNull();
    expect(kept({ ...at, phase: 'reading' })).toBeNull();
    expect(kept(null)).toBeNull();
  });
});

describe('an access token', () => {
  it('is one word of plain letters', () => {
    expect(tokenFault(' hf_abc123 ')).toBeNull();
    expect(tokenFault('')).toContain('Paste');
    expect(tokenFault('hf abc')).toContain('no spaces');
    expect(tokenFault('hf_ä')).toContain('no spaces');
  });
});
