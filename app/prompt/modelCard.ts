/** @file The README.md of a prompt's zip, a model card as Hugging Face's hub reads it. */
import { baseModel } from './baseModel';
import { chatAdvice, inputCode } from './chatUsage';
import type { PromptArtefact } from './types';

/** What the keys of a run card are called on the page; others are spelled out from their camelCase. */
const labels = new Map([
  ['initText', 'initial text'],
  ['clipNorm', 'largest gradient norm'],
  ['datasetHash', 'dataset (sha-256 of the examples)'],
  ['chat', 'as a chat'],
  ['chatTemplateHash', 'chat template (sha-256, with its special tokens)'],
  ['appVersion', 'made with version'],
]);

/** Markdown with a YAML front matter: what the prompt is, how to load it, how it was made, what not to expect. */
export function modelCard(artefact: PromptArtefact): string {
  const { kind, virtualTokens, model } = artefact;
  const noun = kind === 'prompt' ? 'soft prompt' : 'prefix';
  const method = kind === 'prompt' ? 'prompt-tuning' : 'prefix-tuning';
  const { id, revision } = baseModel(artefact);
  const base = id ?? 'path/to/the/base/model';
  const modelClass = artefact.card.modelClass?.match(/^AutoModel\w*$/)?.[0] ?? 'AutoModelForCausalLM';
  return `---
${id ? `base_model: ${JSON.stringify(id)}\n` : ''}library_name: peft
pipeline_tag: text-generation
tags:
- base_model:adapter:${quoteTag(base)}
- ${method}
- soft-prompt
---

# A ${noun} for ${inline(base)}

${virtualTokens} virtual ${virtualTokens === 1 ? 'token' : 'tokens'}, trained with ${method.replace('-', ' ')} in Soft Prompt Studio,
a web page that trains on the visitor's own machine. The model's weights are unchanged; this adapter is all there is to load.

## Use it with PEFT

\`\`\`python
from peft import PeftModel
from transformers import ${modelClass}, PreTrainedTokenizerFast

base = ${JSON.stringify(base)}
adapter = "."  # the folder with this file
text = "Hello"

# Reads tokenizer.json as it is, like the training did; AutoTokenizer rebuilds some tokenizers by rules of their class.
tokenizer = PreTrainedTokenizerFast.from_pretrained(base${revisionArgument(revision)})
model = ${modelClass}.from_pretrained(base${revisionArgument(revision)}${attentionArgument(artefact)})
model = PeftModel.from_pretrained(model, adapter)
${inputCode(artefact.card)}
output = model.generate(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=32)
print(tokenizer.decode(output[0], skip_special_tokens=True))
\`\`\`

${templateAdvice(artefact)}${
  kind === 'prompt'
    ? 'The virtual tokens come first, then everything the tokenizer emits.'
    : 'The keys and values of the prefix come before those of the text, in every layer.'
} Right padding and packing
give the same numbers as the training saw; left padding does not.

## The model it belongs to
${quantisationAdvice(artefact)}
${table([
  ['model', model.id],
  ['made from', artefact.card.originalModel],
  ['revision', model.revision ?? undefined],
  ['hidden size', model.hidden],
  ['layers', model.layers],
  ['attention heads', model.heads],
  ['key/value heads', model.kvHeads],
  ['sha-256 of the embedding table', model.embeddingHash],
  ['sha-256 of the first block’s tensors', model.blockHash],
  ['sha-256 of the weights’ header', model.weightsHash],
  ['sha-256 of config.json', model.configHash],
  ['sha-256 of tokenizer.json', model.tokenizerHash],
])}
${runSection(artefact)}
## Limits

- It works with this model and no other: vectors that mean something to one model mean nothing to the next, even of the same size.
- It was trained on the data of one run and does what that data asks for; how well it does on other data has not been measured.
- A loss or accuracy above was measured on the validation rows of that run, a part of the same dataset, by the page that trained it.
- A ${noun} is not readable text. Its nearest vocabulary tokens are a hint at best.
`;
}

function revisionArgument(revision: string | null): string {
  return revision ? `, revision=${JSON.stringify(revision)}` : '';
}

/** What a prompt for quantised weights does on others; nothing where they were not. */
function quantisationAdvice({ model, card }: PromptArtefact): string {
  if (!card.quantisation) return '';
  const file = model.id ? ` (${inline(model.id)})` : '';
  const where = card.originalModel
    ? `It fits them exactly; ${inline(card.originalModel)}, which that file names as its original, computes nearly the same, and the prompt may do a little better or worse on it.`
    : `That file ${card.modelName ? `calls its model ${inline(card.modelName)} and ` : ''}does not say where on the Hub it was made from: put the name of that one in the place of the base above. It computes nearly the same, and the prompt may do a little better or worse on it.`;
  return `
It was trained on quantised weights, ${inline(card.quantisation)}, of a GGUF file${file}. ${where}
`;
}

/** Where the library's default attention computes something else than the model says (see the run card). */
function attentionArgument({ card }: PromptArtefact): string {
  return card.attention ? `, attn_implementation=${JSON.stringify(card.attention)}` : '';
}

function templateAdvice({ card }: PromptArtefact): string {
  const chat = chatAdvice(card);
  if (!card.inputTemplate) return chat;
  const template = inline(card.inputTemplate);
  return `The text must look as it did in training: ${template} with a row's cells in place of the braces.\n${chat}`;
}

function runSection({ card }: PromptArtefact): string {
  const entries = Object.entries(card);
  if (entries.length === 0) return '';
  return `
## The run

${table(entries.map(([key, value]) => [labels.get(key) ?? spellOut(key), value]))}`;
}

function spellOut(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, (_, before, after) => `${before} ${after.toLowerCase()}`);
}

function table(rows: [string, string | number | undefined][]): string {
  const shown = rows.filter(([, value]) => value !== undefined && value !== '');
  if (shown.length === 0) return 'The file says nothing about its model.\n';
  const lines = shown.map(([label, value]) => `| ${escapeCell(label)} | ${escapeCell(String(value))} |`);
  return `| | |\n| --- | --- |\n${lines.join('\n')}\n`;
}

/** Text that cannot break out of a table cell or become markup. */
function escapeCell(text: string): string {
  return text
    .replace(/[\\|<>*_`[\]]/g, (mark) => `\\${mark}`)
    .replace(/\r?\n|\r/g, '↵ ')
    .trim();
}

/** A code span, whatever the text holds. */
function inline(text: string): string {
  const oneLine = text.replace(/\r?\n|\r/g, '↵');
  const longest = Math.max(0, ...[...oneLine.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${oneLine} ${fence}` : `${fence}${oneLine}${fence}`;
}

/** A YAML scalar's text: quoted only where the plain form would not do. */
function quoteTag(id: string): string {
  return id.replace(/[^\w./-]/g, '-');
}
