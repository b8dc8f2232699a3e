/** @file What `npm run train` understands, and what it refuses with which words. */
import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../tools/train/options';

const least = ['--model', 'm', '--data', 'd.csv', '--out', 'o'];

describe('the options of the train command', () => {
  it('need a model, data and a place for the prompt', () => {
    expect(parseOptions(least)).toEqual({
      model: 'm',
      data: 'd.csv',
      test: null,
      instructions: [],
      shots: 0,
      method: 'prompt',
      search: null,
      seconds: null,
      steps: null,
      backend: null,
      seed: null,
      out: 'o',
      json: null,
    });
    for (const name of ['model', 'data', 'out']) {
      const at = least.indexOf(`--${name}`);
      const without = least.filter((_, i) => i !== at && i !== at + 1);
      expect(() => parseOptions(without)).toThrow(`--${name} is missing`);
    }
  });

  it('take several instructions, and leave out empty ones', () => {
    const { instructions } = parseOptions([
      ...least,
      '--instruction',
      ' One. ',
      '--instruction',
      '',
      '--instruction',
      'Two.',
    ]);
    expect(instructions).toEqual(['One.', 'Two.']);
  });

  it.each([
    [['--steps', '0'], '--steps takes a whole number from 1 on, not “0”.'],
    [['--steps', '2.5'], '--steps takes a whole number from 1 on, not “2.5”.'],
    [['--seconds', 'long'], '--seconds takes a number above 0, not “long”.'],
    [['--seconds', ''], '--seconds takes a number above 0, not “”.'],
    [['--seed', '-1'], /seed/],
    [['--seconds', '5', '--steps', '5'], '--seconds and --steps exclude each other: give one of them.'],
    [['--backend', 'cuda'], '--backend takes webgpu or wasm, not “cuda”.'],
    [
      ['--method', 'lora'],
      '--method takes prompt or residual or mixture or encoder or prefix or projectedPrefix, not “lora”.',
    ],
    [['--search', 'grid'], /--search takes auto or none or .*not “grid”/],
    [['--epochs', '3'], /--epochs/],
    [new Array(11).fill('--instruction=Say it.'), '--instruction may be given 10 times at most, not 11.'],
    [['more.csv'], /more\.csv/],
  ])('refuse %j', (args, message) => {
    expect(() => parseOptions([...least, ...args])).toThrow(message);
  });
});
