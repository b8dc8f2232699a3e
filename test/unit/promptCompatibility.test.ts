import { describe, expect, test } from 'vitest';
import { checkFit } from '../../app/prompt/compatibility';
import { PromptError } from '../../app/prompt/errors';
import { identity, sampleArtefact } from './promptSamples';

describe('a prompt and the loaded model', () => {
  test('fit without a warning when it is the model the prompt was trained for', () => {
    expect(checkFit(sampleArtefact(), identity)).toEqual({ fits: true, warning: null });
    expect(checkFit(sampleArtefact('prefix'), identity)).toEqual({ fits: true, warning: null });
  });

  test('fit when the embedding table is the same, whatever the model is called', () => {
    const artefact = sampleArtefact();
    artefact.model.id = '/home/someone/copy';
    expect(checkFit(artefact, identity).warning).toBeNull();
  });

  test('another embedding table of the same shape is a warning that names both models', () => {
    const artefact = sampleArtefact();
    artefact.model = { ...artefact.model, id: 'other/model', embeddingHash: 'd'.repeat(64) };
    expect(checkFit(artefact, identity).warning).toMatch(
      /trained for other\/model, the loaded model is someone\/small-model at abc123: their embeddings differ/,
    );
  });

  test('another embedding table under the same name is another version', () => {
    const artefact = sampleArtefact();
    artefact.model.embeddingHash = 'd'.repeat(64);
    expect(checkFit(artefact, identity).warning).toMatch(/another version of someone\/small-model/);
  });

  test('the same embeddings with another first block are another model', () => {
    const artefact = sampleArtefact();
    artefact.model = { ...artefact.model, blockHash: 'd'.repeat(64), revision: '1234567890' };
    expect(checkFit(artefact, identity).warning).toMatch(
      /trained for someone\/small-model at 1234567, the loaded model is someone\/small-model at abc123: their first blocks differ/,
    );
  });

  test('a file of before first blocks were hashed is judged by its embeddings', () => {
    const artefact = sampleArtefact();
    delete artefact.model.blockHash;
    delete artefact.model.configHash;
    expect(checkFit(artefact, identity).warning).toBeNull();
  });

  test('another tokenizer for the same weights is a warning that says so', () => {
    const artefact = sampleArtefact();
    artefact.model.tokenizerHash = 'd'.repeat(64);
    expect(checkFit(artefact, identity).warning).toMatch(/another tokenizer\.json/);
  });

  test('without a fingerprint the name decides, and a folder on another disk counts by its last part', () => {
    const artefact = sampleArtefact();
    artefact.model = { id: '/data/small-model/' };
    expect(checkFit(artefact, identity).warning).toBeNull();
    artefact.model = { id: 'other/model' };
    expect(checkFit(artefact, identity).warning).toMatch(/other\/model.*someone\/small-model/);
    artefact.model = {};
    expect(checkFit(artefact, identity).warning).toMatch(/does not say which model/);
  });

  test('a wrong width is refused with expected, found and what to do', () => {
    const artefact = { ...sampleArtefact(), width: 10, virtualTokens: 6, model: { id: 'other/model' } };
    const act = () => checkFit(artefact, identity);
    expect(act).toThrow(PromptError);
    expect(act).toThrow(/width 12, the hidden size of someone\/small-model; found 10 \(other\/model\)/);
    expect(act).toThrow(expect.objectContaining({ hint: expect.stringMatching(/Load other\/model/) }));
  });

  test('a prefix of another width is refused', () => {
    const act = () => checkFit(sampleArtefact('prefix'), { ...identity, layers: 3 });
    expect(act).toThrow(/prefix of width 24.*found 16/);
  });

  test('a prefix that came without its configuration gets the hint to bring it', () => {
    const act = () => checkFit({ ...sampleArtefact('prefix'), kind: 'prompt', model: {} }, identity);
    expect(act).toThrow(expect.objectContaining({ hint: expect.stringMatching(/adapter_config\.json/) }));
  });

  test.each([
    ['layers', /layers of 2 .* made for 4/],
    ['heads', /attention heads of 6 .* made for 4/],
    ['kvHeads', /key\/value heads of 2 .* made for 4/],
    ['headDim', /head size of 2 .* made for 4/],
  ] as const)('the same width with other %s is refused', (key, message) => {
    const artefact = sampleArtefact();
    artefact.model[key] = 4;
    expect(() => checkFit(artefact, identity)).toThrow(message);
  });
});
