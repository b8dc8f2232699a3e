/**
 * @file The formats of the campaign: sound samples, changes that know the format, and the reader that the page uses.
 * Adding a format is adding an entry.
 */
import { createHash } from 'node:crypto';
import { parseTable } from '../../app/data/parse';
import { ChatTemplateError } from '../../app/model/chatTemplate';
import { filesSource } from '../../app/model/filesSource';
import { ggufSource } from '../../app/model/gguf/source';
import { loadModel, openWeights } from '../../app/model/load';
import { type FileSource, memoryFile, memorySource } from '../../app/model/source';
import { exportPrompt } from '../../app/prompt/exportPrompt';
import { importPrompt } from '../../app/prompt/importPrompt';
import type { PromptArtefact } from '../../app/prompt/types';
import type { Mutator } from './bytes';
import { npyMutator, safetensorsMutator, zipClaims, zipMutator } from './containers';
import { ggufMutator } from './ggufMutator';
import { jsonLinesMutator, jsonMutator, jsonTextMutator } from './json';
import { adapterFolder, fixtures, goldenNetworks, promptFile, tables, tinyModel, zipOf } from './samples';
import { templateMutator } from './text';

export interface Sample {
  /** What is damaged. */
  bytes: Uint8Array;
  /** Reads it as the page does. @returns what was read, as a text that two readings of the same have in common */
  read(bytes: Uint8Array): Promise<string>;
}

export interface FuzzFormat {
  samples(): Sample[];
  /** Beside the changes of bytes. */
  mutators: readonly Mutator[];
  /** Changes, beside those of bytes, that the format's checksums must notice. */
  noticed?: readonly Mutator[];
  /** The format carries checksums: bytes that were changed are refused, or what was read is the same. */
  checksummed?: true;
}

const json = [jsonMutator, jsonMutator, jsonTextMutator];
const insideZip = (name: string): readonly Mutator[] => {
  if (name.endsWith('.json')) return json;
  if (name.endsWith('.safetensors')) return [safetensorsMutator];
  return name.endsWith('.npy') ? [npyMutator] : [];
};
const zips = { mutators: [zipMutator(insideZip)], noticed: [zipClaims], checksummed: true } as const;

export const formats: Readonly<Record<string, FuzzFormat>> = {
  safetensors: {
    mutators: [safetensorsMutator, safetensorsMutator],
    samples: () => [
      modelFileSample(tinyModel(), 'model.safetensors'),
      ...goldenNetworks()
        .filter((files) => files.size === 2)
        .slice(0, 2)
        .map((files) => networkSample(files, 'model.safetensors')),
    ],
  },
  gguf: {
    mutators: [ggufMutator, ggufMutator],
    samples: () =>
      [...fixtures('gguf', /^(llama|gemma3|qwen2)\.gguf$/).values()].map((bytes) => ({
        bytes,
        read: async (changed) =>
          readModel(await ggufSource(memoryFile(changed), { name: 'model.gguf', location: 'here' })),
      })),
  },
  modelzip: {
    ...zips,
    samples: () =>
      ([0, 6] as const).map((level) => ({
        bytes: zipOf(tinyModel(), level),
        read: async (bytes) => readModel(await filesSource([fileOf(bytes, 'model.zip')])),
      })),
  },
  config: {
    mutators: json,
    samples: () => [
      modelFileSample(tinyModel(), 'config.json'),
      modelFileSample(tinyModel(), 'generation_config.json'),
      ...goldenNetworks().flatMap((files) =>
        [...files.keys()].filter((name) => name.endsWith('.json')).map((name) => networkSample(files, name)),
      ),
    ],
  },
  tokenizer: {
    mutators: json,
    samples: () => [
      modelFileSample(tinyModel(), 'tokenizer.json'),
      modelFileSample(tinyModel(), 'tokenizer_config.json'),
    ],
  },
  chat: {
    mutators: [templateMutator, templateMutator],
    samples: () => [
      modelFileSample(tinyModel(), 'chat_template.jinja'),
      ...[...fixtures('chat/templates', /\.jinja$/).values()].map((bytes) => ({
        ...modelFileSample(tinyModel(), 'chat_template.jinja'),
        bytes,
      })),
    ],
  },
  promptzip: {
    ...zips,
    samples: () =>
      (['prompt', 'prefix'] as const).map((kind) => promptSample(promptFile('peft', kind), 'prompt.zip')),
  },
  peft: {
    mutators: [...json, safetensorsMutator].map(onlyWhere),
    samples: () =>
      ['prompt', 'prefix'].flatMap((name) => {
        const files = adapterFolder(name);
        return [...files.keys()].map((changed) => ({
          bytes: files.get(changed) as Uint8Array,
          read: async (bytes: Uint8Array) =>
            readPrompt(
              [...files].map(([path, own]) => ({ name: path, bytes: path === changed ? bytes : own })),
            ),
        }));
      }),
  },
  kobold: {
    ...zips,
    samples: () => [
      promptSample(promptFile('kobold'), 'kobold.zip'),
      ...[...fixtures('prompts', /^kobold.*\.zip$/).values()].map((bytes) => promptSample(bytes, 'lzma.zip')),
    ],
    // LZMA is not packed anew by the tests' library.
    mutators: [(bytes, random) => (bytes.length === 0 ? bytes : safeZip(bytes, random))],
  },
  npy: {
    mutators: [npyMutator, npyMutator],
    samples: () =>
      [...fixtures('prompts', /^(big-endian|f\d|fortran|version\d)\.npy$/).values()].map((bytes) =>
        promptSample(bytes, 'prompt.npy'),
      ),
  },
  promptjson: {
    mutators: json,
    samples: () =>
      (['prompt', 'prefix'] as const).map((kind) => promptSample(promptFile('json', kind), 'p.json')),
  },
  csv: {
    mutators: [],
    samples: () => [tableSample(tables.csv, 'rows.csv'), tableSample(tables.semicolons, 'rows.csv')],
  },
  json: {
    mutators: json,
    samples: () =>
      [tables.json, tables.columns, tables.messages].map((bytes) => tableSample(bytes, 'rows.json')),
  },
  jsonl: {
    mutators: [jsonLinesMutator, jsonLinesMutator].map(onlyWhere),
    samples: () => [tableSample(tables.jsonl, 'rows.jsonl')],
  },
  parquet: { mutators: [], samples: () => tableFixtures(/\.parquet$/) },
  arrow: { mutators: [], samples: () => tableFixtures(/\.(arrow|feather)$/) },
  xlsx: { mutators: [zipMutator(() => [])], samples: () => tableFixtures(/\.xlsx$/) },
};

/** A change that is passed over where the bytes are not of the kind that it knows. */
function onlyWhere(mutate: Mutator): Mutator {
  return (bytes, random) => {
    try {
      return mutate(bytes, random);
    } catch {
      return bytes.slice(random.int(bytes.length));
    }
  };
}

const safeZip = onlyWhere(zipMutator(insideZip));

function fileOf(bytes: Uint8Array, name: string): File {
  return new File([bytes as Uint8Array<ArrayBuffer>], name);
}

function tableSample(bytes: Uint8Array, name: string): Sample {
  return {
    bytes,
    read: async (changed) => digest(JSON.stringify((await parseTable(name, changed)).rows)),
  };
}

function tableFixtures(ending: RegExp): Sample[] {
  return ['data', 'fuzz'].flatMap((folder) =>
    [...fixtures(folder, ending)].map(([name, bytes]) => tableSample(bytes, name)),
  );
}

/** A whole model of which one file is damaged. */
function modelFileSample(files: ReadonlyMap<string, Uint8Array>, name: string): Sample {
  return {
    bytes: files.get(name) as Uint8Array,
    read: (bytes) =>
      readModel(memorySource(new Map([...files, [name, bytes]])), name === 'chat_template.jinja'),
  };
}

/** Configuration and weights without a tokenizer; only headers are read. */
function networkSample(files: ReadonlyMap<string, Uint8Array>, name: string): Sample {
  return {
    bytes: files.get(name) as Uint8Array,
    async read(bytes) {
      const { spec, weights } = await openWeights(memorySource(new Map([...files, [name, bytes]])));
      return digest(JSON.stringify([spec, [...weights.shapes]]));
    },
  };
}

const texts = ['', 'the thing', ' \n\t', 'größe 😀 ١٢٣', '<end><turn>', 'a'.repeat(300), '\ud800'];

/**
 * Loads a model and uses every part of it that a file has a say in.
 * @param mustRender a template that cannot be rendered refuses it; else the model still serves, as on the page
 */
async function readModel(source: FileSource, mustRender = false): Promise<string> {
  const model = await loadModel(source, { id: 'x' });
  const { spec, tokenizer, chat, weights, identity } = model;
  const ids = texts.map((text) => tokenizer.encode(text));
  const back = ids.map((each) => [
    tokenizer.decode(each),
    ...each.slice(0, 9).map((id) => tokenizer.tokenText(id)),
  ]);
  const hash = createHash('sha256');
  for (const { data } of weights.values()) hash.update(data);
  const said =
    chat &&
    rendered(() => chat.render([{ role: 'user', content: 'Hi' }], { generationPrompt: true }), mustRender);
  return digest(JSON.stringify([spec, ids, back, tokenizer.stopIds, said, hash.digest('hex'), identity]));
}

function rendered(render: () => string, must: boolean): string | null {
  try {
    return render();
  } catch (error) {
    if (error instanceof ChatTemplateError && !must) return null;
    throw error;
  }
}

function promptSample(bytes: Uint8Array, name: string): Sample {
  return { bytes, read: async (changed) => readPrompt([{ name, bytes: changed }]) };
}

/** Reads a prompt and writes it in every format, as a person does who takes it elsewhere. */
function readPrompt(files: { name: string; bytes: Uint8Array }[]): string {
  const artefact = importPrompt(files);
  writeAll(artefact);
  const { kind, virtualTokens, width, values, model, card } = artefact;
  return digest(JSON.stringify([kind, virtualTokens, width, [...values], model, card]));
}

/** Some formats refuse some prompts in words; nothing else may happen. */
function writeAll(artefact: PromptArtefact): void {
  for (const format of ['peft', 'kobold', 'npy', 'json'] as const) {
    try {
      exportPrompt(artefact, format);
    } catch (error) {
      if (!(error instanceof Error && error.name === 'PromptError')) throw error;
    }
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
