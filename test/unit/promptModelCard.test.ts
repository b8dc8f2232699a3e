import { describe, expect, test } from 'vitest';
import { writeAdapterConfig } from '../../app/prompt/adapterConfig';
import { modelCard } from '../../app/prompt/modelCard';
import { sampleArtefact } from './promptSamples';

describe('the model card', () => {
  test('begins with the front matter the hub reads', () => {
    expect(modelCard(sampleArtefact()).split('\n').slice(0, 9)).toEqual([
      '---',
      'base_model: "someone/small-model"',
      'library_name: peft',
      'pipeline_tag: text-generation',
      'tags:',
      '- base_model:adapter:someone/small-model',
      '- prompt-tuning',
      '- soft-prompt',
      '---',
    ]);
  });

  test('shows code for this very model and revision', () => {
    const card = modelCard(sampleArtefact());
    expect(card).toContain('base = "someone/small-model"');
    expect(card).toContain('AutoModelForCausalLM.from_pretrained(base, revision="abc123")');
    expect(card).toContain('PeftModel.from_pretrained(model, adapter)');
  });

  test('loads the model with the class and attention that the run card names', () => {
    const artefact = sampleArtefact();
    expect(modelCard(artefact)).not.toContain('attn_implementation');
    artefact.card = { attention: 'eager', modelClass: 'AutoModelForImageTextToText' };
    const card = modelCard(artefact);
    expect(card).toContain('from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast');
    expect(card).toContain(
      'AutoModelForImageTextToText.from_pretrained(base, revision="abc123", attn_implementation="eager")',
    );
    artefact.card = { modelClass: 'os; import shutil' };
    expect(modelCard(artefact)).toContain(
      'from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast',
    );
  });

  test('lists settings and results of the run with their values', () => {
    const card = modelCard(sampleArtefact());
    expect(card).toContain('| learning rate | 0.3 |');
    expect(card).toContain('| final loss | 0.123 |');
  });

  test('keeps hostile values inside their cells', () => {
    const artefact = sampleArtefact();
    artefact.card = { initText: 'a | b\n# <script>', inputTemplate: '```\n{text}' };
    const card = modelCard(artefact);
    expect(card).toContain('| initial text | a \\| b↵ # \\<script\\> |');
    expect(card).toContain('```` ```↵{text} ````');
  });

  test('claims no model and no run that the file does not know', () => {
    const card = modelCard({ ...sampleArtefact(), model: {}, card: {} });
    expect(card).not.toContain('base_model: ');
    expect(card).not.toContain('## The run');
    expect(card).toContain('says nothing about its model');
  });

  test('says of quantised weights that they were, and names the model that they were made from where that is known', () => {
    const artefact = sampleArtefact();
    artefact.card = { ...artefact.card, quantisation: 'Q4_K, Q6_K', originalModel: 'someone/large-model' };
    const known = modelCard(artefact);
    expect(known).toContain('base_model: "someone/large-model"');
    expect(known).toContain('from_pretrained(base)');
    expect(known).toContain(
      'trained on quantised weights, `Q4_K, Q6_K`, of a GGUF file (`someone/small-model`)',
    );
    expect(known).toContain('| made from | someone/large-model |');
    expect(JSON.parse(writeAdapterConfig(artefact))).toMatchObject({
      base_model_name_or_path: 'someone/large-model',
      revision: null,
    });
    delete artefact.card.originalModel;
    artefact.card.modelName = 'Small model (someone)';
    const unknown = modelCard(artefact);
    expect(unknown).toContain(
      'calls its model `Small model (someone)` and does not say where on the Hub it was made from',
    );
    expect(unknown).toContain('base_model: "someone/small-model"');
    expect(modelCard(sampleArtefact())).not.toContain('quantised');
  });
});
