/** @file A dataset for a model with a chat template: its examples, classes, hash, notes, and who decides whether it is a chat. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type DatasetRequest, prepareDataset } from '../../app/data/dataset';
import { openData } from '../../app/data/open';
import { inputTokens } from '../../app/data/pack';
import type { DataOptions, Table } from '../../app/data/types';
import { createChatTemplate } from '../../app/model/chatTemplate';
import { DatasetSlot, type OpenedDataset } from '../../app/workers/datasetSlot';
import type { DatasetStore, StoredDataset } from '../../app/workers/datasetStore';
import type { ActiveModel } from '../../app/workers/modelSlot';
import type { Platform } from '../../app/workers/platform';
import { openChatFixture } from './chatFixture';

const { tokenizer, template } = await openChatFixture('qwen25');
const zephyr = await openChatFixture('zephyr');
const noHub = () => ({ endpoint: 'http://localhost:1', token: null });

const table: Table = {
  name: 'a.csv',
  format: 'csv',
  columns: ['text', 'label'],
  rows: Array.from({ length: 8 }, (_, i) => [`film ${i}`, i % 2 ? 'good' : 'very bad']),
  rowNumbers: Array.from({ length: 8 }, (_, i) => i + 2),
  nested: [],
  notes: [],
};
const options: DataOptions = {
  kind: 'inputTarget',
  inputTemplate: 'Review: {text}\n',
  targetTemplate: '{label}',
  turnColumns: [],
  learnedTurns: 'last',
  systemTurn: 'keep',
  joinLabels: false,
  chat: true,
  systemText: '',
  endOfText: true,
  maxTokens: 256,
  validationShare: 0.25,
  testShare: 0,
  groupColumn: null,
  splitSeed: 1,
};
const prepare = (changes: Partial<DataOptions> = {}, request: Partial<DatasetRequest> = {}) =>
  prepareDataset({
    table,
    validationTable: null,
    options: { ...options, ...changes },
    tokenizer,
    chatTemplate: template,
    ...request,
  });
const text = (ids: Iterable<number>) => tokenizer.decode([...ids], { specialTokens: true });

describe('a dataset of chats', () => {
  it('has the template around each input, and target and end of turn as labels', async () => {
    const { training, trainingExamples, report } = await prepare({ systemText: 'Judge.' });
    const [example] = training;
    const { target } = trainingExamples[0];
    expect(text(example.tokenIds)).toBe(
      `<|im_start|>system\nJudge.<|im_end|>\n<|im_start|>user\n${trainingExamples[0].input.trim()}<|im_end|>\n` +
        `<|im_start|>assistant\n${target}<|im_end|>`,
    );
    expect(text(example.tokenIds.filter((_, i) => example.isLabel[i]))).toBe(`${target}<|im_end|>`);
    expect(report.options).toMatchObject({ chat: true, systemText: 'Judge.' });
    expect(report.preview[0].tokens.map(({ text }) => text).join('')).toBe(text(example.tokenIds));
    expect(report.notes).toEqual([]);
  });

  it('has classes as they end an example', async () => {
    for (const model of [{ tokenizer, template }, zephyr]) {
      const data = await prepare({}, { tokenizer: model.tokenizer, chatTemplate: model.template });
      expect(data.classes).toEqual(['good', 'very bad']);
      data.training.forEach((example, i) => {
        const target = data.classes?.indexOf(data.trainingExamples[i].target) ?? -1;
        expect(example.tokenIds.slice(inputTokens(example).length)).toEqual(data.classTokens[target]);
      });
    }
  });

  it('has no end of turn where none is asked for', async () => {
    const { training, trainingExamples } = await prepare({ endOfText: false });
    expect(text(training[0].tokenIds)).toMatch(new RegExp(`assistant\n${trainingExamples[0].target}$`));
  });

  it('cuts the start of inputs too long and keeps the template whole, with room for the longest class', async () => {
    const { chatFormat } = await prepare();
    const maxTokens = (chatFormat?.frameLength ?? 0) + 9;
    const { training, report, classTokens } = await prepare({ maxTokens });
    const longest = Math.max(...classTokens.map(({ length }) => length));
    expect(report.truncatedRows).toBe(8);
    expect(report.notes.join()).toContain('lost the start of their input');
    for (const example of training) {
      expect(inputTokens(example).length + longest).toBeLessThanOrEqual(maxTokens);
      expect(text(inputTokens(example))).toMatch(
        /^<\|im_start\|>system\nYou are Qwen.*<\|im_start\|>assistant\n$/s,
      );
      expect(example.cut).toBeGreaterThan(0);
    }
  });

  it('refuses a length that the template alone uses up', async () => {
    await expect(prepare({ maxTokens: 20 })).rejects.toThrow(
      /chat template and the system text take \d+ tokens/,
    );
  });

  it('is no chat without a template, for plain text, and when switched off', async () => {
    const plain = await prepare({ chat: false });
    expect(text(plain.training[0].tokenIds)).not.toContain('<|im_start|>');
    for (const [changes, request] of [
      [{}, { chatTemplate: null }],
      [{ chat: false, systemText: 'Judge.' }, {}],
    ] as const) {
      const { report, chatFormat } = await prepare(changes, request);
      expect(chatFormat).toBeNull();
      expect(report.options.chat).toBe(false);
      expect(report.hash).toBe(plain.report.hash);
    }
    const { report } = await prepare({ kind: 'plainText', inputTemplate: '', targetTemplate: '{text}' });
    expect(report.options.chat).toBe(false);
  });

  it('goes on without a template that cannot be used, and says why', async () => {
    const chatTemplate = await createChatTemplate("{{ raise_exception('only for tools') }}", {});
    const { report } = await prepare({}, { chatTemplate });
    expect(report.options.chat).toBe(false);
    expect(report.notes.join()).toMatch(/could not be used: only for tools.*as they stand/);
  });

  it('has a hash that follows template and system text', async () => {
    const hash = async (...args: Parameters<typeof prepare>) => (await prepare(...args)).report.hash;
    const hashes = [
      await hash(),
      await hash({ chat: false }),
      await hash({ systemText: 'Judge.' }),
      await hash({}, { chatTemplate: zephyr.template }),
    ];
    expect(new Set(hashes).size).toBe(4);
    expect(await hash({ systemText: ' Judge. ' })).toBe(hashes[2]);
  });

  it('is what nobody has decided on: guessed options say so', async () => {
    const { report } = await prepareDataset({
      table,
      validationTable: null,
      options: null,
      tokenizer,
      chatTemplate: template,
    });
    expect(report.options).toMatchObject({ chat: true, systemText: '' });
  });
});

describe('who decides whether a dataset is a chat', () => {
  const model = (chat: ActiveModel['chat']) =>
    ({ tokenizer, chat, report: { contextLength: 512 } }) as ActiveModel;
  const base = model(null);
  const chatty = model(template);
  const csv = ['text,label', ...table.rows.map((row) => row.join(','))].join('\n');
  const kept = new Map<string, StoredDataset>();
  const store: DatasetStore = {
    save: async (key, dataset) => void kept.set(key, dataset),
    load: async (key) => kept.get(key) ?? null,
    remove: async (key) => void kept.delete(key),
  };
  const newSlot = () =>
    new DatasetSlot({ openData } as unknown as Platform, 'file:///', store, () => undefined, noHub);
  let slot: DatasetSlot;
  let opened: DataOptions;
  beforeEach(async () => {
    kept.clear();
    slot = newSlot();
    opened = await open(slot, await slot.readFiles([new File([csv], 'a.csv')]), base);
  });
  const open = async (into: DatasetSlot, read: OpenedDataset, on: ActiveModel) =>
    into.use(await into.prepare(read, on)).options;
  const refresh = async (options: DataOptions, on: ActiveModel) =>
    (await slot.setOptions(options, on, new AbortController().signal)).options;

  it('the model, while the person has said nothing: another model, another answer', async () => {
    expect(opened.chat).toBe(false);
    const onChat = await refresh(opened, chatty);
    expect(onChat.chat).toBe(true);
    expect((await refresh(onChat, base)).chat).toBe(false);
  });

  it('the person, once they have said so, on every model that has a template', async () => {
    const off = await refresh({ ...(await refresh(opened, chatty)), chat: false }, chatty);
    expect(off.chat).toBe(false);
    expect((await refresh({ ...off, maxTokens: 100 }, chatty)).chat).toBe(false);
    expect((await refresh(await refresh(off, base), chatty)).chat).toBe(false);
    const again = await refresh({ ...off, chat: true, systemText: 'Judge.' }, chatty);
    expect(again).toMatchObject({ chat: true, systemText: 'Judge.' });
    expect(await refresh(await refresh(again, base), chatty)).toEqual(again);
  });

  it('the person, still after a visit to another model and a reload', async () => {
    await refresh({ ...(await refresh(opened, chatty)), chat: false }, chatty);
    const stored = kept.get('in-use') ?? expect.fail('nothing was kept');
    slot = newSlot();
    expect((await open(slot, await slot.readStored(stored), chatty)).chat).toBe(false);
  });

  it('the model, for what was stored before there were chats', async () => {
    const stored = kept.get('in-use') ?? expect.fail('nothing was kept');
    const { chat: _chat, systemText: _systemText, ...older } = stored.options;
    const fresh = newSlot();
    const read = await fresh.readStored({ name: stored.name, source: stored.source, options: older });
    expect(await open(fresh, read, chatty)).toEqual({ ...stored.options, chat: true, systemText: '' });
  });
});
