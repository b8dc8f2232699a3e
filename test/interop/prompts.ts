/**
 * @file The page's own reader and writers, from the command line, for the interop checks:
 *   tsx prompts.ts write OUTPUT.zip FILE.safetensors TENSOR prompt|prefix IDENTITY.json   writes a PEFT zip of a tensor
 *   tsx prompts.ts convert FORMAT OUTPUT FILE…                                            imports files, exports a format
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { decodeFloats } from '../../app/formats/floats';
import { parseSafetensorsHeader } from '../../app/formats/safetensors';
import { exportPrompt } from '../../app/prompt/exportPrompt';
import { importPrompt } from '../../app/prompt/importPrompt';
import type { ModelIdentity, PromptArtefact, PromptFormat } from '../../app/prompt/types';

const [command, ...rest] = process.argv.slice(2);

if (command === 'write') {
  const [output, file, tensor, kind, identity] = rest;
  const bytes = readFileSync(file);
  const entry = parseSafetensorsHeader(bytes).tensors.get(tensor);
  if (entry?.dtype !== 'F32') throw new Error(`Expected an F32 tensor "${tensor}" in ${file}.`);
  const [virtualTokens, width] = entry.shape;
  const artefact: PromptArtefact = {
    kind: kind as PromptArtefact['kind'],
    virtualTokens,
    width,
    values: decodeFloats(bytes.subarray(entry.begin, entry.end), 'F32', virtualTokens * width),
    model: JSON.parse(readFileSync(identity, 'utf8')) as Partial<ModelIdentity>,
    card: { seed: '1', learningRate: '0.3', inputTemplate: 'Text: {text}\n' },
  };
  writeFileSync(output, exportPrompt(artefact, 'peft').bytes);
} else if (command === 'convert') {
  const [format, output, ...files] = rest;
  const artefact = importPrompt(files.map((name) => ({ name: basename(name), bytes: readFileSync(name) })));
  writeFileSync(output, exportPrompt(artefact, format as PromptFormat).bytes);
} else {
  throw new Error(`Expected the command write or convert, found ${command ?? 'none'}.`);
}
