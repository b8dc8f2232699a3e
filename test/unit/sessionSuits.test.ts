/** @file What is said before training of a model that hardly knows such text, and which model is offered instead. */
import { describe, expect, it } from 'vitest';
import type { Offer } from '../../app/session/catalogue';
import { costWords, modelKey, nextModel, stepSeconds, strangerWords } from '../../app/session/suits';
import type { CatalogueModel, InputsReading } from '../../app/workers/protocol';

const reading = (change: Partial<InputsReading> = {}): InputsReading => ({
  loss: 9.9,
  guessing: 7.3,
  rows: 16,
  tokens: 300,
  pieces: 1.4,
  flops: 50e9,
  ...change,
});

function offer(
  title: string,
  parameters: number,
  change: Partial<CatalogueModel> = {},
  fit: Offer['fit'] = 'stored',
): Offer {
  const model = {
    title,
    parameters,
    gated: false,
    stored: false,
    downloadBytes: 2 * parameters,
    ...change,
  } as CatalogueModel;
  return { model, fit, format: 'stored', memory: 4 * parameters };
}

describe('a model that hardly knows the inputs', () => {
  it('is said to be one only where it needs most of what blind guessing needs', () => {
    expect(strangerWords(reading({ loss: 1.2 }))).toBeNull();
    expect(strangerWords(reading({ loss: 4.3 }))).toBeNull();
    expect(strangerWords(reading({ loss: 4.5 }))).toMatch(
      /needs 4.50 nats a token for them, where .* 7.30\.$/,
    );
    expect(strangerWords(reading())).not.toMatch(/pieces/);
    expect(strangerWords(reading({ pieces: 3.14 }))).toMatch(/takes 3.14 pieces for a word\.$/);
  });

  it('is answered with the smallest larger one that fits and needs no token', () => {
    const list = [
      offer('large', 1e9),
      offer('gated', 200e6, { gated: true }),
      offer('middle', 360e6, {}, 'int8'),
      offer('stories', 33e6),
      offer('tiny', 1e6),
      offer('unfit', 135e6, {}, 'none'),
    ];
    expect(nextModel(list, { parameters: 2.6e6 })?.model.title).toBe('middle');
    expect(nextModel(list, { parameters: 500e6 })?.model.title).toBe('large');
    expect(nextModel(list, { parameters: 2e9 })).toBeNull();
  });

  it('says what the other takes, and for how long, where that is known', () => {
    const small = offer('small', 135e6);
    expect(costWords(small, 7.25)).toBe('270 MB to download, 540 MB of memory, roughly 7 s a step here');
    expect(costWords(offer('small', 135e6, { stored: true }), null)).toBe(
      'kept in this browser, 540 MB of memory',
    );
    const settings = { batchSize: 16, virtualTokens: 20 };
    const data = { lengths: { min: 1, median: 40, max: 90 } };
    // 660 rows, four operations a weight and row.
    expect(stepSeconds(reading(), small, settings, data)).toBeCloseTo((4 * 135e6 * 660) / 50e9, 6);
  });

  it('is not taken for another with the same name', () => {
    const model = { id: 'a/b', revision: null, weightFormat: 'stored' } as const;
    expect(modelKey(model)).toBe(modelKey({ ...model }));
    for (const other of [{ id: 'a/c' }, { revision: 'x' }, { weightFormat: 'int8' as const }]) {
      expect(modelKey({ ...model, ...other })).not.toBe(modelKey(model));
    }
  });
});
