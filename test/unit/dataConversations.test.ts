/** @file Conversations in every shape that people keep them in, to turns with the learned ones marked; what is odd is said. */
import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { openData } from '../../app/data/open';
import { completeOptions } from '../../app/data/options';
import { readRows } from '../../app/data/rows';
import type { DataOptions, Example } from '../../app/data/types';

const bytes = (text: string) => new TextEncoder().encode(text);
const jsonl = (records: readonly unknown[]) => records.map((record) => JSON.stringify(record)).join('\n');

/** Rows of a JSONL file with these records, as the page reads them. */
async function read(records: readonly unknown[], changes: Partial<DataOptions> = {}, name = 'chats.jsonl') {
  const text = name.endsWith('.json') ? JSON.stringify(records) : jsonl(records);
  const { train } = await openData([{ name, bytes: bytes(text) }]);
  const request = { table: train, validationTable: null, options: null };
  const guessed = readRows(request);
  if (Object.keys(changes).length === 0) return guessed;
  return readRows({ ...request, options: { ...guessed.options, ...changes } });
}

/** "user: Hi | *assistant: Hello": learned turns have a star. */
const line = ({ turns = [] }: Example) =>
  turns.map(({ role, text, learned }) => `${learned ? '*' : ''}${role}: ${text}`).join(' | ');
const lines = (rows: { first: Example[] }) => rows.first.map(line);

const SAID = 'user: 2+2? | *assistant: 4';
const role = (speaker: string, content: unknown, more: object = {}) => ({ role: speaker, content, ...more });

describe('a conversation is recognised', () => {
  const q = '2+2?';
  const a = '4';
  test.each<[string, unknown, string?]>([
    ['messages of role and content', { messages: [role('user', q), role('assistant', a)] }],
    [
      'with a system turn',
      { messages: [role('system', 'Be brief.'), role('user', q), role('assistant', a)] },
      `system: Be brief. | ${SAID}`,
    ],
    [
      'with a developer’s turn',
      { messages: [role('developer', 'Be brief.'), role('user', q), role('assistant', a)] },
      `system: Be brief. | ${SAID}`,
    ],
    [
      'several exchanges',
      { messages: [role('user', 'Hi'), role('assistant', 'Hello'), role('user', q), role('assistant', a)] },
      `user: Hi | assistant: Hello | ${SAID}`,
    ],
    [
      'conversations of from and value',
      {
        conversations: [
          { from: 'human', value: q },
          { from: 'gpt', value: a },
        ],
      },
    ],
    [
      'conversation in the singular, with an id',
      {
        id: 'c1',
        conversation: [
          { from: 'user', value: q },
          { from: 'assistant', value: a },
        ],
      },
    ],
    [
      'dialog of speaker and text',
      {
        dialog: [
          { speaker: 'user', text: q },
          { speaker: 'bot', text: a },
        ],
      },
    ],
    [
      'dialogue of speaker and utterance',
      {
        dialogue: [
          { speaker: 'USER', utterance: q },
          { speaker: 'SYSTEM', utterance: a },
        ],
      },
    ],
    [
      'thread of sender and content',
      {
        thread: [
          { sender: 'customer', content: q },
          { sender: 'agent', content: a },
        ],
      },
    ],
    [
      'items',
      {
        items: [
          { from: 'human', value: q },
          { from: 'chatgpt', value: a },
        ],
      },
    ],
    [
      'contents with parts, as Gemini’s',
      {
        contents: [
          { role: 'user', parts: [{ text: q }] },
          { role: 'model', parts: [{ text: a }] },
        ],
      },
    ],
    [
      'contents of text parts',
      {
        messages: [
          role('user', [
            { type: 'text', text: '2+2?' },
            { type: 'text', text: 'In words.' },
          ]),
          role('assistant', a),
        ],
      },
      'user: 2+2?\nIn words. | *assistant: 4',
    ],
    ['speakers as keys', { messages: [{ user: q }, { assistant: a }] }],
    ['an exchange an entry', { conversation: [{ human: q, assistant: a }] }],
    ['questions and answers as keys', { turns: [{ question: q, answer: a }] }],
    [
      'pairs of speaker and text',
      {
        messages: [
          ['user', q],
          ['assistant', a],
        ],
      },
    ],
    [
      'pairs of question and answer',
      { history: [['Hi', 'Hello']], prompt: q, response: a },
      `user: Hi | assistant: Hello | ${SAID}`,
    ],
    ['plain texts in turn', { dialog: [q, a] }],
    ['lists by key, as Arrow keeps them', { conversations: { from: ['human', 'gpt'], value: [q, a] } }],
    [
      'a record around the turns',
      { conversation: { id: 7, messages: [role('user', q), role('assistant', a)] } },
    ],
    [
      'prompt and completion as message lists',
      { prompt: [role('user', q)], completion: [role('assistant', a)] },
    ],
    [
      'DPO with message lists',
      { prompt: [role('user', q)], chosen: [role('assistant', a)], rejected: [role('assistant', '5')] },
    ],
    [
      'DPO whose answers begin with the question',
      {
        prompt: q,
        chosen: [role('user', q), role('assistant', a)],
        rejected: [role('user', q), role('assistant', '5')],
      },
    ],
    [
      'a system column beside the turns',
      {
        system: 'Be brief.',
        conversations: [
          { from: 'human', value: q },
          { from: 'gpt', value: a },
        ],
      },
      `system: Be brief. | ${SAID}`,
    ],
    [
      'transcripts of human and assistant',
      { chosen: '\n\nHuman: 2+2?\n\nAssistant: 4', rejected: '\n\nHuman: 2+2?\n\nAssistant: 5' },
    ],
    [
      'transcripts with marks',
      { text: '### Human: 2+2?### Assistant: 4'.replace('###', '###').replace('?###', '?\n###') },
    ],
    [
      'numbers for speakers',
      {
        dialog: [
          { speaker: 0, text: q },
          { speaker: 1, text: a },
        ],
      },
    ],
    [
      'two names nobody knows',
      {
        dialog: [
          { speaker: 'Ann', text: q },
          { speaker: 'Ben', text: a },
        ],
      },
    ],
    [
      'columns beside it that mean nothing',
      {
        dataset: 'own/short',
        messages: [role('user', q), role('assistant', a)],
        group: 'sums',
        metadata: { source: 'own' },
      },
    ],
  ])('%s', async (_name, record, expected = SAID) => {
    const rows = await read([record, record]);
    expect(rows.options.kind).toBe('conversation');
    expect(line(rows.first[0])).toBe(expected);
  });

  it('a file that is a list of conversations', async () => {
    const conversation = (word: string) => [role('user', `Say ${word}`), role('assistant', word)];
    const rows = await read([conversation('a'), conversation('b')], {}, 'chats.json');
    expect(lines(rows)).toEqual(['user: Say a | *assistant: a', 'user: Say b | *assistant: b']);
  });

  // Made by test/fixtures/data/make_conversations.py with pyarrow, datasets and pandas.
  it.each(['messages.parquet', 'hub.parquet', 'messages.arrow', 'printed.csv', 'dumped.csv'])(
    'the same in %s',
    async (name) => {
      const file = new Uint8Array(
        readFileSync(`${import.meta.dirname}/../fixtures/data/conversations/${name}`),
      );
      const { train } = await openData([{ name, bytes: file }]);
      const rows = readRows({ table: train, validationTable: null, options: null });
      expect(lines(rows)).toEqual(
        ['Lima', 'Muscat', 'Suva'].map(
          (city, i) => `system: Answer in one word. | user: It's house ${i}: "where"? | *assistant: ${city}`,
        ),
      );
    },
  );

  it('a table with a turn in every row', async () => {
    const said = ['a', 'b'].flatMap((word) => [
      { conversation_id: `c-${word}`, role: 'user', content: `Say ${word}` },
      { conversation_id: `c-${word}`, role: 'assistant', content: word },
    ]);
    const rows = await read(said);
    expect(lines(rows)).toEqual(['user: Say a | *assistant: a', 'user: Say b | *assistant: b']);
    expect(rows.notes.join()).toContain(
      'the rows with the same “conversation_id” are one conversation, 2 in all',
    );
  });

  it('what is no conversation is none', async () => {
    for (const record of [
      { text: 'Ann lives in Rome', entities: [{ text: 'Ann', label: 'PER' }], label: 'a' },
      { question: 'Who?', answers: { text: ['Ann'], answer_start: [0] } },
      { text: 'a b', tools: [{ name: 'weather' }], label: 'x' },
      { title: 'a', attributes: [{ name: 'colour', value: 'red' }], label: 'x' },
      { text: 'User: the word stands here', label: 'x' },
    ]) {
      const rows = await read([record, { ...record, label: 'y' }]);
      expect(rows.options.kind, JSON.stringify(record)).not.toBe('conversation');
    }
  });
});

const chat = (...said: [string, unknown][]) => ({
  messages: said.map(([speaker, content]) => role(speaker, content)),
});
const good = (word: string) => chat(['user', `Say ${word}`], ['assistant', word]);

describe('what is learned', () => {
  const long = chat(['user', 'One?'], ['assistant', '1'], ['user', 'Two?'], ['assistant', '2']);

  it('is the last answer, or all of them', async () => {
    expect(lines(await read([long]))).toEqual(['user: One? | assistant: 1 | user: Two? | *assistant: 2']);
    expect(lines(await read([long], { learnedTurns: 'all' }))).toEqual([
      'user: One? | *assistant: 1 | user: Two? | *assistant: 2',
    ]);
  });

  it('leaves out answers that the file says not to learn', async () => {
    const marked = {
      messages: [
        role('user', 'One?'),
        role('assistant', '1', { weight: 0 }),
        role('user', 'Two?'),
        role('assistant', '2', { weight: 1 }),
      ],
    };
    expect(lines(await read([marked], { learnedTurns: 'all' }))).toEqual([
      'user: One? | assistant: 1 | user: Two? | *assistant: 2',
    ]);
    const { messages } = marked;
    const lastGiven = {
      messages: [messages[0], { ...messages[1], weight: 1 }, messages[2], { ...messages[3], weight: 0 }],
    };
    expect(lines(await read([lastGiven, lastGiven]))).toEqual(['user: One? | *assistant: 1']);
  });

  it('has its system turn kept, replaced or left out', async () => {
    const conversation = chat(['system', 'Be brief.'], ['user', 'One?'], ['assistant', '1']);
    const system = async (changes: Partial<DataOptions>) => lines(await read([conversation], changes))[0];
    expect(await system({ systemTurn: 'replace', systemText: ' Be kind. ' })).toBe(
      'system: Be kind. | user: One? | *assistant: 1',
    );
    expect(await system({ systemTurn: 'drop', systemText: 'Be kind.' })).toBe('user: One? | *assistant: 1');
    expect(await system({ systemTurn: 'keep', systemText: 'Be kind.' })).toBe(
      'system: Be brief. | user: One? | *assistant: 1',
    );
  });

  it('has input and target for a reader, of one turn its words alone', async () => {
    const [single] = (await read([good('a'), good('b')])).first;
    expect(single).toMatchObject({ input: 'Say a', target: 'a' });
    const [several] = (await read([long])).first;
    expect(several).toMatchObject({ input: 'User: One?\n\nAssistant: 1\n\nUser: Two?', target: '2' });
  });

  it('keeps descriptions and calls of tools', async () => {
    const call = { tool_calls: [{ type: 'function', function: { name: 'weather', arguments: '{}' } }] };
    const record = {
      messages: [
        role('user', 'Oslo?'),
        role('assistant', null, call),
        role('tool', 'cold'),
        role('assistant', 'Cold.'),
      ],
      tools: [{ type: 'function', function: { name: 'weather' } }],
    };
    const rows = await read([record, good('a')]);
    expect(line(rows.first[0])).toBe('user: Oslo? | assistant:  | tool: cold | *assistant: Cold.');
    expect(rows.first[0].tools).toEqual(record.tools);
    expect(rows.first[0].turns?.[1].extra).toEqual(call);
    expect(rows.notes.join()).toMatch(
      /tools in “tools” are told to the model where its chat template takes them/,
    );
  });
});

describe('what is odd is said with counts and rows', () => {
  test.each<[string, object, RegExp, string | null]>([
    [
      'an end without an answer',
      chat(['user', 'One?'], ['assistant', '1'], ['user', 'Two?']),
      /1 row ends with.* what comes after the last answer is left out/,
      'user: One? | *assistant: 1',
    ],
    ['no answer at all', chat(['user', 'One?']), /1 row has no turn of the assistant/, null],
    ['an empty answer', chat(['user', 'One?'], ['assistant', ' ']), /no answer to learn/, null],
    [
      'two turns of the user',
      chat(['user', 'One?'], ['user', 'Or two?'], ['assistant', '1']),
      /two turns of the user in a row/,
      'user: One?\n\nOr two? | *assistant: 1',
    ],
    [
      'two turns of the assistant',
      chat(['user', 'One?'], ['assistant', '1'], ['assistant', 'or 2']),
      /two turns of the assistant in a row/,
      'user: One? | *assistant: 1\n\nor 2',
    ],
    [
      'an unknown speaker',
      chat(['narrator', 'Dusk.'], ['user', 'One?'], ['assistant', '1']),
      /neither system, user, assistant nor tool \(“narrator”\)/,
      null,
    ],
    [
      'an image',
      chat(
        [
          'user',
          [
            { type: 'text', text: 'What?' },
            { type: 'image_url', image_url: { url: 'x' } },
          ],
        ],
        ['assistant', 'A cat'],
      ),
      /no text \(“image_url”\)/,
      null,
    ],
    [
      'a sound',
      chat(['user', [{ type: 'input_audio', input_audio: {} }]], ['assistant', 'A cat']),
      /no text \(“input_audio”\)/,
      null,
    ],
    ['a row in another shape', { messages: { a: 1 } }, /holds no conversation in the shape/, null],
  ])('%s', async (_name, record, message, expected) => {
    const rows = await read([...'abcdefgh'].map(good).concat(record as ReturnType<typeof good>));
    const check =
      rows.checks.find(({ text }) => message.test(text)) ?? expect.fail(JSON.stringify(rows.checks));
    expect(check).toMatchObject({ kind: 'conversations', rows: [9], action: null });
    const all = [...rows.training, ...rows.validation].map(line);
    expect(all).toHaveLength(expected === null ? 8 : 9);
    if (expected !== null) expect(all).toContain(expected);
  });

  it('who is taken for whom', async () => {
    const dialog = [
      { speaker: 'Ann', text: 'Hi' },
      { speaker: 'Ben', text: 'Hello' },
    ];
    const rows = await read([
      { dialog },
      { dialog: dialog.map((turn) => ({ ...turn, text: `${turn.text}!` })) },
    ]);
    expect(rows.notes).toContain(
      '“Ann”, who speaks first, is taken for the user and “Ben” for the assistant.',
    );
  });

  it('and where nothing is left, why', async () => {
    const image = chat(['user', [{ type: 'image_url', image_url: {} }]], ['assistant', 'A cat']);
    await expect(read([image, image])).rejects.toThrow(
      /no conversation to learn from. 2 rows have content that is no text/,
    );
    await expect(read([good('a')], { turnColumns: ['chat'] })).rejects.toThrow(/no column “chat”/);
    await expect(read([good('a')], { turnColumns: [] })).rejects.toThrow(/No column is chosen/);
  });

  it('rejected answers are named', async () => {
    const rows = await read([
      { prompt: [role('user', 'a?')], chosen: [role('assistant', 'a')], rejected: [role('assistant', 'b')] },
    ]);
    expect(rows.guesses.join()).toContain('“rejected” holds answers that were turned down, and is not used');
  });
});

test('targets of conversations can be classes, and be joined', async () => {
  const answers = ['Yes', 'yes', 'no', 'No', 'yes', 'no', 'yes', 'no'];
  const records = answers.map((answer, i) => chat(['user', `Is ${i} even?`], ['assistant', answer]));
  const rows = await read(records, completeOptions({ ...(await read(records)).options, joinLabels: true }));
  expect(rows.classes).toEqual(['no', 'yes']);
  expect(line(rows.first[0])).toBe('user: Is 0 even? | *assistant: yes');
});
