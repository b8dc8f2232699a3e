/** @file Prompt files from strangers: zips of other programs, damage, claims, and names that mean something to JavaScript. */
import { readFileSync } from 'node:fs';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { exportPrompt } from '../../app/prompt/exportPrompt';
import { importPrompt, readPrompt } from '../../app/prompt/importPrompt';
import { promptFile, tinyPrompt } from '../../tools/fuzz/samples';

const text = (content: string) => new TextEncoder().encode(content);
const fixture = (name: string) =>
  new Uint8Array(readFileSync(`${import.meta.dirname}/../fixtures/prompts/${name}`));
const read = (bytes: Uint8Array, name = 'p.zip') => importPrompt([{ name, bytes }]);

describe('a KoboldAI prompt as its own tuner packs it, by LZMA', () => {
  const zip = fixture('kobold-lzma.zip');

  it('is read as Python’s zipfile and NumPy read it', () => {
    const { format, artefact } = readPrompt([{ name: 'p.zip', bytes: zip }]);
    expect(format).toBe('kobold');
    expect([artefact.virtualTokens, artefact.width]).toEqual([4, 32]);
    const first = [0.1257302165031433, -0.13210485875606537, 0.6404226422309875, 0.10490011423826218];
    expect([...artefact.values.subarray(0, 4)]).toEqual(first);
    expect(artefact.card).toEqual({ name: 'Tea', author: 'me', description: 'd' });
  });

  it('is refused with any bit of it changed, or read the same', () => {
    const right = JSON.stringify(read(zip));
    for (let bit = 0; bit < zip.length * 8; bit += 7) {
      const changed = zip.slice();
      changed[bit >> 3] ^= 1 << (bit & 7);
      let got: string;
      try {
        got = JSON.stringify(read(changed));
      } catch (error) {
        expect(error).toMatchObject({ name: 'PromptError' });
        continue;
      }
      expect(got).toBe(right);
    }
  });
});

describe('a zip', () => {
  it('whose comment looks like the end of a zip is read', () => {
    const zip = promptFile('peft');
    const comment = text('made with PK\x05\x06 inside, and more than that');
    const commented = new Uint8Array([...zip, ...comment]);
    new DataView(commented.buffer).setUint16(zip.length - 2, comment.length, true);
    expect(read(commented).values).toEqual(read(zip).values);
  });

  it('that claims to hold gigabytes is refused before memory is taken', () => {
    const zip = promptFile('peft');
    const view = new DataView(zip.buffer);
    for (let at = 0; at + 46 < zip.length; at++) {
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 2 ** 27, true);
    }
    expect(() => read(zip)).toThrow(/cannot have the 134217728 bytes/);
  });
});

describe('names that every object has', () => {
  it.each(['toString', '__proto__', 'constructor', 'hasOwnProperty', 'valueOf'])(
    'as a key of the run card, such as “%s”, survive every format that keeps the card',
    (key) => {
      const artefact = tinyPrompt('prompt');
      artefact.card = Object.fromEntries([[key, 'a value'], ...Object.entries(artefact.card)]);
      const again = read(exportPrompt(artefact, 'peft').bytes);
      expect(Object.entries(again.card)).toContainEqual([key, 'a value']);
      for (const format of ['kobold', 'npy', 'json'] as const) {
        expect(read(exportPrompt(artefact, format).bytes).values).toEqual(artefact.values);
      }
    },
  );

  it.each(['toString', '__proto__'])('as a kind of adapter are no kind: %s', (type) => {
    const files = [
      { name: 'adapter_config.json', bytes: text(JSON.stringify({ peft_type: type })) },
      { name: 'adapter_model.safetensors', bytes: fixture('prompt/adapter_model.safetensors') },
    ];
    expect(() => importPrompt(files)).toThrow(`says ${type}: another kind of adapter`);
  });
});

describe('something else in the place of a prompt', () => {
  it.each([
    [
      'adapter_model.safetensors',
      text('version https://git-lfs.github.com/spec/v1\nsize 99\n'),
      'is a Git LFS pointer',
    ],
    ['p.zip', text('<!doctype html><title>Sign in</title>'), 'is a web page'],
    ['p.json', text('{"error": "Repository not found"}'), 'error message: “Repository not found”'],
    ['p.npy', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), 'is a PNG picture'],
    ['p.zip', zipSync({ 'archive/data.pkl': new Uint8Array([0x80, 2]) }), 'is a pickled PyTorch file'],
    ['p.json', text('{\n "cells": [\n  {\n   "cell_type": "code"'), 'is a Jupyter notebook'],
    ['p.zip', text('%PDF-1.7\n'), 'is a PDF document'],
    ['p.zip', new Uint8Array(5000), 'is zeros only'],
  ])('%s is named for what it is (%#)', (name, bytes, message) => {
    expect(() => read(bytes, name)).toThrow(message);
  });
});
