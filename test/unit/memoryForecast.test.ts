/** @file The list of models and what they take: parameters by their configurations, what fits first. */
import { describe, expect, it } from 'vitest';
import { guessBudget, planMemory, USUAL_SHAPE } from '../../app/engine/memoryForecast';
import { catalogue } from '../../app/model/catalogue';
import { listModels, sizesOf } from '../../app/workers/modelList';

const GIB = 2 ** 30;

function entry(id: string) {
  const found = catalogue.find((model) => model.id === id);
  if (!found) throw new Error(`${id} is not in the catalogue`);
  return found;
}

describe('the catalogue', () => {
  // As the models' own cards and files count them.
  it.each([
    ['openai-community/gpt2', 124_439_808],
    ['distilbert/distilgpt2', 81_912_576],
    ['EleutherAI/gpt-neo-125m', 125_198_592],
    ['EleutherAI/pythia-70m', 70_426_624],
    ['EleutherAI/pythia-160m', 162_322_944],
    ['HuggingFaceTB/SmolLM2-135M', 134_515_008],
    ['HuggingFaceTB/SmolLM2-360M', 361_821_120],
    ['google/gemma-3-270m', 268_098_176],
    ['Qwen/Qwen2.5-0.5B', 494_032_768],
    ['Qwen/Qwen3-0.6B', 596_049_920],
    ['TinyLlama/TinyLlama-1.1B-Chat-v1.0', 1_100_048_384],
    ['meta-llama/Llama-3.2-1B', 1_235_814_400],
    ['microsoft/phi-1_5', 1_418_270_720],
  ])('counts the parameters of %s as its files have them', (id, parameters) => {
    expect(sizesOf(entry(id)).parameters).toBe(parameters);
  });

  it('has configurations that can be read, in order of size, each model once', () => {
    const sizes = catalogue.map((model) => sizesOf(model).parameters);
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(new Set(catalogue.map(({ id }) => id)).size).toBe(catalogue.length);
  });
});

describe('memory foreseen', () => {
  const model = sizesOf(entry('HuggingFaceTB/SmolLM2-135M'));

  it('keeps everything where there is room and less where there is not', () => {
    const roomy = planMemory(model, USUAL_SHAPE, { bytes: 64 * GIB, guessed: false }, 'webgpu');
    expect(roomy).toMatchObject({ saving: 'all', fits: true, weights: 2 * 134_515_008 });
    const tight = planMemory(
      model,
      USUAL_SHAPE,
      { bytes: roomy.weights + roomy.training - 1, guessed: false },
      'webgpu',
    );
    expect(tight.saving).not.toBe('all');
    expect(tight.training).toBeLessThan(roomy.training);
    expect(tight.fits).toBe(true);
  });

  it('says when even the thriftiest way does not fit', () => {
    const report = planMemory(model, USUAL_SHAPE, { bytes: model.weightBytes, guessed: false }, 'webgpu');
    expect(report.fits).toBe(false);
  });

  it('lists what fits first, in order of size among equals', () => {
    const models = listModels({
      shape: USUAL_SHAPE,
      budget: { bytes: 1.5 * GIB, guessed: true },
      backend: 'webgpu',
      isStored: (id) => id === 'openai-community/gpt2',
    });
    const fits = models.map(({ memory }) => memory.fits);
    expect(fits).toContain(true);
    expect(fits).toContain(false);
    expect(fits.lastIndexOf(true)).toBeLessThan(fits.indexOf(false));
    expect(models.filter(({ stored }) => stored).map(({ id }) => id)).toEqual(['openai-community/gpt2']);
    const fitting = models.filter(({ memory }) => memory.fits).map(({ parameters }) => parameters);
    expect(fitting).toEqual([...fitting].sort((a, b) => a - b));
  });

  it('guesses within bounds, from the largest buffer and the memory of the machine', () => {
    expect(guessBudget(256 * 2 ** 20, 8).bytes).toBe(GIB);
    expect(guessBudget(2 * GIB, undefined).bytes).toBe(4 * GIB);
    expect(guessBudget(4 * GIB, 4).bytes).toBe(2 * GIB);
    expect(guessBudget(64 * GIB, undefined).bytes).toBe(8 * GIB);
    expect(guessBudget(null, 8)).toEqual({ bytes: 2 * GIB, guessed: true });
  });
});
