/**
 * @file The page's own reader and writers, from the command line, for the interop checks:
 *   tsx prompts.ts write JOBS.json              writes PEFT zips of tensors; JOBS.json is a list of `WriteJob`
 *   tsx prompts.ts convert FORMAT OUTPUT FILE…  imports files, exports a format
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { decodeFloats } from '../../app/formats/floats';
import { parseSafetensorsHeader } from '../../app/formats/safetensors';
import type { ModelIdentity } from '../../app/model/identity';
import { loadNetwork } from '../../app/model/load';
import { exportPrompt } from '../../app/prompt/exportPrompt';
import { importPrompt } from '../../app/prompt/importPrompt';
import type { PromptArtefact, PromptFormat } from '../../app/prompt/types';
import { loadingCard } from '../../app/workers/runCard';
import { folderSource } from '../../tools/golden/folderSource';

interface WriteJob {
  output: string;
  /** Safetensors file and the tensor in it. */
  file: string;
  tensor: string;
  kind: PromptArtefact['kind'];
  format: PromptFormat;
  /** The folder of the model that it belongs to. */
  model: string;
}

async function write({ output, file, tensor, kind, format, model }: WriteJob): Promise<void> {
  const bytes = readFileSync(file);
  const entry = parseSafetensorsHeader(bytes).tensors.get(tensor);
  if (entry?.dtype !== 'F32') throw new Error(`Expected an F32 tensor "${tensor}" in ${file}.`);
  const [virtualTokens, width] = entry.shape;
  const { spec } = await loadNetwork(folderSource(model));
  const { hidden, layers, heads, kvHeads, headDim } = spec;
  const identity: Partial<ModelIdentity> = {
    id: model,
    hidden,
    layers: layers.length,
    heads,
    kvHeads,
    headDim,
  };
  const artefact: PromptArtefact = {
    kind,
    virtualTokens,
    width,
    values: decodeFloats(bytes.subarray(entry.begin, entry.end), 'F32', virtualTokens * width),
    // Any revision: the card's code must be right with one.
    model: { ...identity, revision: 'main' },
    card: { seed: '1', learningRate: '0.3', inputTemplate: 'Text: {text}\n', ...loadingCard(spec) },
  };
  writeFileSync(output, exportPrompt(artefact, format).bytes);
}

const [command, ...rest] = process.argv.slice(2);

if (command === 'write') {
  for (const job of JSON.parse(readFileSync(rest[0], 'utf8')) as WriteJob[]) await write(job);
} else if (command === 'convert') {
  const [format, output, ...files] = rest;
  const artefact = importPrompt(files.map((name) => ({ name: basename(name), bytes: readFileSync(name) })));
  writeFileSync(output, exportPrompt(artefact, format as PromptFormat).bytes);
} else {
  throw new Error(`Expected the command write or convert, found ${command ?? 'none'}.`);
}
