/** @file A dataset written as files again, with more to learn from, is the same dataset with more to learn from. */
import { describe, expect, it } from 'vitest';
import { prepareDataset } from '../../app/data/dataset';
import { openData } from '../../app/data/open';
import type { DataOptions, OpenedData } from '../../app/data/types';
import { type AddedExample, writeParts } from '../../app/data/writeParts';

const tokenizer = {
  encode: (text: string) => Array.from(text, (letter) => letter.codePointAt(0) ?? 0),
  tokenText: (id: number) => String.fromCodePoint(id),
  endOfTextId: 0,
  specialIds: new Set([0]),
};
const bytes = (text: string) => new TextEncoder().encode(text);
const open = async (text: string, name: string) => (await openData([{ name, bytes: bytes(text) }])).train;

async function prepare({ train, validation, test }: OpenedData, options: DataOptions | null) {
  return prepareDataset({
    table: train,
    validationTable: validation,
    testTable: test,
    options,
    tokenizer,
    chatTemplate: null,
  } as unknown as Parameters<typeof prepareDataset>[0]);
}

async function rewritten(tables: OpenedData, change: Partial<DataOptions>, added: AddedExample[]) {
  const guessed = await prepare(tables, null);
  const before = await prepare(tables, { ...guessed.report.options, ...change });
  const parts = writeParts(before, tables, added);
  const part = async (text: string | null) => (text === null ? null : open(text, 'part.jsonl'));
  const again = {
    ...tables,
    train: await open(parts.training, 'rows.jsonl'),
    validation: await part(parts.validation),
    test: await part(parts.test),
  };
  return { before, after: await prepare(again, before.report.options) };
}

/** In no order: that of a file is that of its split's draw. */
const said = (examples: readonly { input: string; target: string }[]) =>
  examples.map(({ input, target }) => JSON.stringify([input, target])).toSorted();

const rows = Array.from(
  { length: 40 },
  (_, i) => `"text, number ${i}",${i % 3 === 0 ? 'good' : 'bad'},${i}.50`,
);
const csv = `text,label,price\n${rows.join('\n')}\n`;

describe('a dataset written as files', () => {
  it('has every row on its side of the split, and the examples that were added to learn from', async () => {
    const tables = await openData([{ name: 'rows.csv', bytes: bytes(csv) }]);
    const added = [
      { input: 'a "quoted" text\nof two lines', target: 'good' },
      { input: '=1+1', target: 'bad' },
    ];
    const change = { inputTemplate: 'Text: {text}\nLabel:', targetTemplate: ' {label}' };
    const { before, after } = await rewritten(tables, change, added);
    expect(said(after.validationExamples)).toEqual(said(before.validationExamples));
    expect(said(after.testExamples)).toEqual(said(before.testExamples));
    const more = added.map(({ input, target }) => ({
      input: `Text: ${input}\nLabel:`,
      target: ` ${target}`,
    }));
    expect(said(after.trainingExamples)).toEqual(said([...before.trainingExamples, ...more]));
    expect(after.classes).toEqual(before.classes);
  });

  it('keeps files of their own for validation and test', async () => {
    const head = 'text,label\n';
    const opened = await openData([{ name: 'rows.csv', bytes: bytes(`${head}a,x\nb,y\nc,x\nd,y\n`) }]);
    const tables = {
      ...opened,
      validation: await open(`${head}e,x\nf,y\n`, 'validation.csv'),
      test: await open(`${head}g,x\n`, 'test.csv'),
    };
    const { before, after } = await rewritten(tables, {}, [{ input: 'h', target: 'x' }]);
    expect(after.validationExamples.map(({ input }) => input.trim()).toSorted()).toEqual(['e', 'f']);
    expect(said(after.validationExamples)).toEqual(said(before.validationExamples));
    expect(said(after.testExamples)).toEqual(said(before.testExamples));
    expect(after.training.length).toBe(before.training.length + 1);
  });

  it('keeps lists and objects, their numbers to the last digit', async () => {
    const lines = Array.from(
      { length: 12 },
      (_, i) => `{"q":"order ${i}","a":[{"n":1.50},1234567890123456789${i}],"b":{"c":"${i}"}}`,
    );
    const tables = await openData([{ name: 'rows.jsonl', bytes: bytes(`${lines.join('\n')}\n`) }]);
    const change = { inputTemplate: '{q} {b.c}', targetTemplate: '{a}' };
    const { before, after } = await rewritten(tables, change, []);
    expect(said(after.trainingExamples)).toEqual(said(before.trainingExamples));
    expect(before.trainingExamples[0].target).toContain('1.50');
  });

  it('says which examples cannot be added', async () => {
    const tables = await openData([{ name: 'rows.csv', bytes: bytes(csv) }]);
    const two = { inputTemplate: '{text} costs {price}', targetTemplate: '{label}' };
    await expect(rewritten(tables, two, [{ input: 'a', target: 'good' }])).rejects.toMatchObject({
      message: 'The input is made of 2 columns, so that one text cannot be put in their place.',
    });
    // Without any, nothing has to be put anywhere.
    const { before, after } = await rewritten(tables, two, []);
    expect(after.training.length).toBe(before.training.length);
  });
});
