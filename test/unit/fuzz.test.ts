/** @file A short run of the fuzz campaign: what is damaged is read, or refused in words, soon; see `npm run fuzz`. */
import { describe, expect, it } from 'vitest';
import { campaign } from '../../tools/fuzz/campaign';
import { formats } from '../../tools/fuzz/formats';

const count = 200;

describe('a damaged file', () => {
  it.each(Object.keys(formats).filter((name) => formats[name].samples().length > 0))(
    'of the format %s is read or refused in words, and never read wrongly where it carries checksums',
    async (format) => {
      const outcome = await campaign(format, { count, seed: 20 });
      expect(outcome.faults).toEqual([]);
      expect(outcome.mutants).toBe(count);
      expect(outcome.read + outcome.refused).toBe(count);
      // A campaign in which nothing is refused damages nothing.
      expect(outcome.refused).toBeGreaterThan(0);
    },
    60_000,
  );

  it('is the same for the same seed', async () => {
    const options = { count: 60, seed: 7 };
    expect(await campaign('promptzip', options)).toEqual(await campaign('promptzip', options));
  });
});
