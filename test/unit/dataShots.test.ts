/** @file Examples in context: which are drawn, how they stand before a row as text and as turns, and what is left of the row itself. */
import { describe, expect, it } from 'vitest';
import { prepareDataset } from '../../app/data/dataset';
import { encodeInstructed } from '../../app/data/instruct';
import { completeOptions } from '../../app/data/options';
import { drawShots } from '../../app/data/shots';
import type { Example, Table } from '../../app/data/types';
import type { ActiveDataset } from '../../app/workers/datasetSlot';
import type { ActiveModel } from '../../app/workers/modelSlot';
import { wordsFor } from '../../app/workers/words';
import { openChatFixture } from './chatFixture';

const { tokenizer, template } = await openChatFixture('qwen25');
const labels = ['good', 'bad', 'odd'];
const examples: Example[] = Array.from({ length: 30 }, (_, i) => ({
  input: `film ${i}\n`,
  target: labels[i < 20 ? 0 : i < 28 ? 1 : 2],
  row: i + 1,
}));
const table: Table = {
  name: 'a.csv',
  format: 'csv',
  columns: ['text', 'label'],
  rows: examples.map(({ input, target }) => [input.trim(), target]),
  rowNumbers: examples.map(({ row }) => row),
  nested: [],
  notes: [],
};
const prepare = (chat: boolean) =>
  prepareDataset({
    table,
    validationTable: null,
    options: completeOptions({
      chat,
      inputTemplate: '{text}\n',
      targetTemplate: '{label}',
      systemText: chat ? 'You judge films.' : '',
      validationShare: 0.2,
      testShare: 0.2,
    }),
    tokenizer,
    chatTemplate: template,
  });
const text = (ids: Iterable<number>) => tokenizer.decode([...ids], { specialTokens: true });
const model = (contextLength: number) => ({ tokenizer, chat: template, contextLength });

describe('examples in context', () => {
  it('are of all classes in turn, drawn by lot, the same for a seed', () => {
    const drawn = drawShots(examples, labels, 7, 3);
    expect(new Set(drawn.slice(0, 3).map(({ target }) => target)).size).toBe(3);
    expect(drawn.map(({ target }) => target).filter((target) => target === 'odd')).toHaveLength(2);
    expect(drawn).toHaveLength(7);
    expect(new Set(drawn)).toHaveProperty('size', 7);
    expect(drawShots(examples, labels, 7, 3)).toEqual(drawn);
    expect(drawShots(examples, labels, 7, 4)).not.toEqual(drawn);
    expect(drawShots(examples, null, 99, 1)).toHaveLength(30);
    expect(drawShots(examples, labels, 0, 1)).toEqual([]);
  });

  it('are drawn from a hundred thousand rows at once', () => {
    const many = Array.from({ length: 100_000 }, (_, i) => ({ ...examples[i % 30], row: i }));
    expect(drawShots(many, labels, 5, 1)).toHaveLength(5);
    expect(drawShots([], labels, 5, 1)).toEqual([]);
  });

  it('stand as text between the instruction and the row, whose labels stay the same tokens', async () => {
    const dataset = await prepare(false);
    const shots = drawShots(dataset.trainingExamples, dataset.classes, 2, 1);
    const told = await encodeInstructed(dataset, dataset.testExamples, 'Judge.', model(512), shots);
    const [{ input, target }] = dataset.testExamples;
    const before = shots.map((shot) => `${shot.input}${shot.target}\n`).join('');
    expect(text(told?.[0].tokenIds ?? [])).toBe(`Judge.\n${before}${input}${target}<|im_end|>`);
    told?.forEach(({ tokenIds, isLabel, cut }, i) => {
      const own = dataset.test[i];
      expect(cut).toBe(0);
      expect(tokenIds.filter((_, at) => isLabel[at])).toEqual(
        own.tokenIds.filter((_, at) => own.isLabel[at]),
      );
    });
  });

  it('stand as turns of a chat, as the template itself writes them', async () => {
    const dataset = await prepare(true);
    const shots = drawShots(dataset.trainingExamples, dataset.classes, 3, 1);
    const told = await encodeInstructed(dataset, dataset.testExamples, 'Judge.', model(512), shots);
    const [{ input, target }] = dataset.testExamples;
    const asked = { role: 'user' as const, content: input.trim() };
    const messages = [
      { role: 'system' as const, content: 'You judge films.\n\nJudge.' },
      ...shots.flatMap((shot) => [
        { role: 'user' as const, content: shot.input.trim() },
        { role: 'assistant' as const, content: shot.target },
      ]),
      asked,
    ];
    const prompt = template.render(messages, { generationPrompt: true });
    expect(text(told?.[0].tokenIds ?? [])).toBe(`${prompt}${target}<|im_end|>`);
    told?.forEach(({ tokenIds, isLabel }, i) => {
      const own = dataset.test[i];
      expect(tokenIds.filter((_, at) => isLabel[at])).toEqual(
        own.tokenIds.filter((_, at) => own.isLabel[at]),
      );
    });
  });

  it('of conversations are whole exchanges after the system turn, with nothing to be learned', async () => {
    const rows = Array.from({ length: 12 }, (_, i) => [
      JSON.stringify([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: `What is ${i}?` },
        { role: 'assistant', content: `A number, ${i}.` },
      ]),
    ]);
    const rowNumbers = rows.map((_, i) => i + 1);
    const conversations: Table = {
      ...table,
      format: 'jsonl',
      columns: ['messages'],
      rows,
      rowNumbers,
      nested: [0],
    };
    const dataset = await prepareDataset({
      table: conversations,
      validationTable: null,
      options: completeOptions({
        kind: 'conversation',
        turnColumns: ['messages'],
        chat: true,
        inputTemplate: '',
        targetTemplate: '',
        validationShare: 0.2,
        testShare: 0.2,
      }),
      tokenizer,
      chatTemplate: template,
    });
    const shots = drawShots(dataset.trainingExamples, null, 2, 1);
    const told = await encodeInstructed(dataset, dataset.testExamples, '', model(512), shots);
    const said = (example: Example) =>
      (example.turns ?? []).map(({ role, text }) => ({ role, content: text }));
    const [first, ...rest] = said(dataset.testExamples[0]);
    const between = shots.flatMap((shot) => said(shot).slice(1));
    const answer = rest.at(-1)?.content;
    const prompt = template.render([first, ...between, ...rest.slice(0, -1)], { generationPrompt: true });
    expect(text(told?.[0].tokenIds ?? [])).toBe(`${prompt}${answer}<|im_end|>`);
    expect(told?.[0].isLabel.filter(Boolean)).toHaveLength(dataset.test[0].isLabel.filter(Boolean).length);
  });

  it('are a contender beside the instructions: as many as fit the context, none where not one does', async () => {
    const dataset = await prepare(false);
    const settings = { instructions: ['Judge.', 'Say which.'], shots: 6, seed: 1 };
    const words = (contextLength: number, shots = 6) =>
      wordsFor(
        { ...settings, shots },
        { ...model(contextLength), engine: { spec: { contextLength } } } as unknown as ActiveModel,
        { dataset } as ActiveDataset,
      );
    const names = async (...asked: Parameters<typeof words>) =>
      (await words(...asked)).map(({ name }) => name);
    const told = ['bare', 'instruction 1', 'instruction 2'];
    expect(await names(512)).toEqual([...told, '6 examples in context']);
    expect(await names(512, 1)).toEqual([...told, '1 example in context']);
    expect(await names(512, 0)).toEqual(told);
    const tight = (await words(50)).at(-1);
    expect(tight?.shots).toBeGreaterThan(0);
    expect(tight?.shots).toBeLessThan(6);
    expect([...(tight?.test ?? []), ...(tight?.validation ?? [])].every(({ cut }) => cut === 0)).toBe(true);
    expect(await names(20)).toEqual(told);
  });
});
