/** @file Changes inside safetensors, zips and .npy files that keep the outside sound, so that they reach the reader's inside. */
import { unzipSync, type Zippable, zipSync } from 'fflate';
import type { Random } from '../../app/formats/random';
import { byteMutators, joined, type Mutator } from './bytes';
import { mutateJson, pick } from './json';

/** A safetensors file with a header that is changed and fits its length again. */
export const safetensorsMutator: Mutator = (bytes, random) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, end)));
  const data = bytes.subarray(end);
  const changed = random.int(3) === 0 ? changeEntry(header, random) : mutateJson(header, random);
  const text = JSON.stringify(changed) ?? 'null';
  return withHeader(random.int(20) === 0 ? repeatFirst(text) : text, data);
};

/** Offsets and shapes as they should not be: overlapping, beyond the end, backwards, of another size. */
function changeEntry(header: Record<string, unknown>, random: Random): unknown {
  const names = Object.keys(header).filter((name) => name !== '__metadata__');
  const entry = structuredClone(header[pick(names, random)]) as {
    data_offsets: number[];
    shape: number[];
    dtype: string;
  };
  const other = header[pick(names, random)] as typeof entry;
  const [begin, end] = entry.data_offsets;
  const variants: (() => void)[] = [
    () => (entry.data_offsets = other.data_offsets),
    () => (entry.data_offsets = [end, begin]),
    () => (entry.data_offsets = [begin + 1, end + 1]),
    () => (entry.data_offsets = [begin, 2 ** 40]),
    () => (entry.data_offsets = [-8, end]),
    () => (entry.shape = [...entry.shape, 1]),
    () => (entry.shape = entry.shape.toReversed()),
    () => (entry.shape = [2 ** 31, 2 ** 31]),
    () => (entry.shape = [0]),
    () => (entry.dtype = pick(['F64', 'F8_E4M3', 'I8', 'U4', 'BF16', 'F16', 'BOOL'], random)),
  ];
  pick(variants, random)();
  return { ...header, [pick(names, random)]: entry };
}

/** A key twice, which JSON.parse passes over. */
function repeatFirst(text: string): string {
  const first = /"((?!__)[^"]+)":(\{[^{}]*\})/.exec(text);
  return first ? text.replace(/^\{/, () => `{"${first[1]}":${first[2]},`) : text;
}

export function withHeader(text: string, data: Uint8Array): Uint8Array {
  const header = new TextEncoder().encode(text);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return joined(length, header, data);
}

/**
 * A zip whose content is changed and packed anew, checksums and all: the changes are those of its files' own formats.
 * @param inner by file name
 */
export function zipMutator(inner: (name: string) => readonly Mutator[]): Mutator {
  return (bytes, random) => {
    const files: [string, Uint8Array][] = Object.entries(unzipSync(bytes));
    const at = random.int(files.length);
    const [name, content] = files[at];
    const variants: (() => void)[] = [
      () => files.splice(at, 1),
      () => files.push([pick(['x/', '../', ''], random) + name, content]),
      () => {
        files[at] = [
          pick(['toString', 'constructor', `${name}.txt`, `deep/${name}`, name.toUpperCase()], random),
          content,
        ];
      },
    ];
    const mutators = [...inner(name), ...byteMutators];
    if (random.int(5) === 0 || content.length === 0) pick(variants, random)();
    else files[at] = [name, pick(mutators, random)(content, random)];
    const level = pick([0, 6] as const, random);
    const zippable: Zippable = Object.create(null);
    for (const [path, file] of files)
      zippable[path] = [Uint8Array.from(file), { level, mtime: new Date(1980, 0, 1) }];
    return zipSync(zippable);
  };
}

/** An archive that claims more than it holds. */
export const zipClaims: Mutator = (bytes, random) => {
  const changed = Uint8Array.from(bytes);
  const view = new DataView(changed.buffer);
  const entries: number[] = [];
  for (let at = 0; at + 46 < changed.length; at++)
    if (view.getUint32(at, true) === 0x02014b50) entries.push(at);
  if (entries.length === 0) return changed;
  const entry = pick(entries, random);
  const claim = pick([0, 1, 0x7fffffff, 0xfffffffe, 0xffffffff, 2 ** 30, random.int(1000)], random);
  // Packed size, size, offset; or the method, names' lengths and the number of entries.
  if (random.int(3) > 0) view.setUint32(entry + pick([20, 24, 42], random), claim, true);
  else view.setUint16(entry + pick([8, 10, 28, 30, 32], random), claim & 0xffff, true);
  return changed;
};

/** A .npy file whose header's text is changed, its length field kept. */
export const npyMutator: Mutator = (bytes, random) => {
  const start = bytes[6] === 1 ? 10 : 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes[6] === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const text = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const number = pick(
    ['0', '-1', '99999999999999999999', '1e9', '4294967296', '3', 'None', '()', ''],
    random,
  );
  const variants = [
    () => text.replace(/\d+(?=[,)])/, number),
    () =>
      text.replace(
        /'<f\d'/,
        `'${pick(['|O', '>f4', '<f2', '<c8', '<f16', 'toString', '|V2', '<U4'], random)}'`,
      ),
    () => text.replace('False', pick(['True', 'false', '1', ''], random)),
    () =>
      text.replace(/\((\d+), (\d+)\)/, pick(['($1,)', '($1, $2, 1)', '($2, $1)', '()', '($1, $2'], random)),
    () => text.replace("'shape'", "'shap'"),
  ];
  const header = pick(variants, random)().padEnd(length).slice(0, length);
  const changed = bytes.slice();
  changed.set(
    Uint8Array.from(header, (letter) => letter.charCodeAt(0)),
    start,
  );
  return changed;
};
