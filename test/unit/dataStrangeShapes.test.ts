/** @file Shapes that services and scripts give people's data: marks of chat models, wrapped lists, lists as Python prints them, … */
import { describe, expect, it, test } from 'vitest';
import { openData } from '../../app/data/open';
import { readRows } from '../../app/data/rows';

async function read(name: string, text: string) {
  const { train } = await openData([{ name, bytes: new TextEncoder().encode(text) }]);
  return readRows({ table: train, validationTable: null, options: null });
}
const readRecords = (records: readonly object[]) =>
  read('rows.jsonl', records.map((record) => JSON.stringify(record)).join('\n'));
const numbers = [0, 1, 2, 3, 4];
/** The first conversation, `role: text` a turn; a star before those that are learned. */
async function firstTurns(rows: ReturnType<typeof readRecords>): Promise<string[]> {
  const [{ turns = [] }] = (await rows).first;
  return turns.map(({ role, text, learned }) => `${learned ? '*' : ''}${role}: ${text}`);
}

describe('a text with the marks of a chat model around its turns is a conversation', () => {
  test.each([
    ['ChatML', (i: number) => `<|im_start|>user\nQ${i}<|im_end|>\n<|im_start|>assistant\nA${i}<|im_end|>\n`],
    [
      'Llama 3',
      (i: number) =>
        `<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nQ${i}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA${i}<|eot_id|>`,
    ],
    [
      'Gemma',
      (i: number) => `<bos><start_of_turn>user\nQ${i}<end_of_turn>\n<start_of_turn>model\nA${i}<end_of_turn>`,
    ],
    ['Zephyr', (i: number) => `<|user|>\nQ${i}</s>\n<|assistant|>\nA${i}</s>`],
    ['Phi-3', (i: number) => `<|user|>\nQ${i}<|end|>\n<|assistant|>\nA${i}<|end|><|endoftext|>`],
    ['Llama 2', (i: number) => `<s>[INST] Q${i} [/INST] A${i} </s>`],
  ])('%s', async (_, write) => {
    const rows = readRecords(numbers.map((i) => ({ text: write(i) })));
    expect(await firstTurns(rows)).toEqual(['user: Q0', '*assistant: A0']);
  });

  it('with its system turn, several exchanges, and without the start of an answer that is not there', async () => {
    const llama = numbers.map((i) => ({
      text: `<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nQ${i} [/INST] A${i} </s><s>[INST] More? [/INST] No. </s>`,
    }));
    expect(await firstTurns(readRecords(llama))).toEqual([
      'system: Be brief.',
      'user: Q0',
      'assistant: A0',
      'user: More?',
      '*assistant: No.',
    ]);
    const open = numbers.map((i) => ({
      text: `<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ${i}<|im_end|>\n<|im_start|>assistant\nA${i}<|im_end|>\n<|im_start|>assistant\n`,
    }));
    expect(await firstTurns(readRecords(open))).toEqual(['system: S', 'user: Q0', '*assistant: A0']);
  });

  it('but a text that speaks of marks is a text', async () => {
    const texts = numbers.map((i) => ({ text: `How is <|im_start|> read, or [INST] and [/INST]? ${i}` }));
    expect((await readRecords(texts)).options.kind).toBe('plainText');
  });
});

describe('conversations', () => {
  const contents = (i: number) => [
    { role: 'user', parts: [{ text: `Q${i}` }] },
    { role: 'model', parts: [{ text: `A${i}` }] },
  ];
  test.each([{ role: 'system', parts: [{ text: 'Be brief.' }] }, { parts: [{ text: 'Be brief.' }] }])(
    'as Gemini takes them, with the system’s instruction beside them: %j',
    async (systemInstruction) => {
      const rows = readRecords(numbers.map((i) => ({ systemInstruction, contents: contents(i) })));
      expect(await firstTurns(rows)).toEqual(['system: Be brief.', 'user: Q0', '*assistant: A0']);
    },
  );

  test.each([
    ['a number', (turn: number) => String(turn)],
    ['a time', (turn: number) => `2024-03-01 10:0${turn}:00`],
  ])('with a turn a row are in the order of %s', async (_, place) => {
    const said = ['user,Q', 'assistant,A', 'user,More?', 'assistant,No.'];
    const lines = numbers.flatMap((i) =>
      [2, 0, 3, 1].map((turn) => `${i},${place(turn)},${said[turn].replace(/[QA]$/, `$&${i}`)}`),
    );
    const rows = read(
      'turns.csv',
      `conversation_id,turn,role,content\n${lines.join('\n')}`.replace(
        'turn',
        place(0).length > 1 ? 'created_at' : 'turn',
      ),
    );
    expect(await firstTurns(rows)).toEqual(['user: Q0', 'assistant: A0', 'user: More?', '*assistant: No.']);
    expect((await rows).notes.join()).toMatch(/Their turns are in the order of “(turn|created_at)”/);
  });
});

describe('rows that answer each other', () => {
  const message = (id: string, parent: string | null, role: string, text: string) => ({
    message_id: id,
    parent_id: parent,
    role,
    text,
    lang: 'en',
    message_tree_id: 'm1',
  });
  const tree = [
    message('m1', null, 'prompter', 'Q'),
    message('m2', 'm1', 'assistant', 'A'),
    message('m3', 'm1', 'assistant', 'B'),
    message('m4', 'm2', 'prompter', 'More?'),
    message('m5', 'm4', 'assistant', 'No.'),
    message('m6', 'm5', 'prompter', 'Thanks'),
  ];

  it('become a conversation for each last answer, kept together by where they begin', async () => {
    const others = [1, 2, 3, 4].flatMap((i) => [
      message(`${i}q`, null, 'prompter', `Q${i}`),
      message(`${i}a`, `${i}q`, 'assistant', `A${i}`),
      message(`${i}b`, `${i}q`, 'assistant', `B${i}`),
    ]);
    const rows = await readRecords([...tree, ...others]);
    const told = [...rows.training, ...rows.validation].map(({ turns = [] }) =>
      turns.map(({ text }) => text).join('|'),
    );
    expect(told).toContain('Q|B');
    expect(told).toContain('Q|A|More?|No.');
    expect(told).toHaveLength(10);
    expect(rows.options.groupColumn).toBe('conversation id');
  });

  it('end, also where they answer in a circle', async () => {
    const circle = [message('a', 'b', 'prompter', 'Q'), message('b', 'a', 'assistant', 'A')];
    expect(await firstTurns(readRecords(circle))).toEqual(['user: Q', '*assistant: A']);
  });
});

describe('lists in the cells of a CSV file', () => {
  const table = (column: string, cells: string[]) =>
    `text,${column}\n${cells.map((cell, i) => `text ${i},"${cell.replaceAll('"', '""')}"`).join('\n')}`;

  test.each([
    [
      'as Python prints them',
      'mood',
      ["['joy', 'love']", "['fear']", "['joy', 'love']", "['fear']"],
      'joy, love',
    ],
    [
      'as NumPy prints them',
      'mood',
      ["['joy' 'love']", "['fear']", "['joy' 'love']", "['fear']"],
      'joy, love',
    ],
    [
      'as JSON, under a name of lists',
      'labels',
      ['["joy","love"]', '["fear"]', '[]', '["fear"]'],
      'joy, love',
    ],
    ['of one number each', 'labels', ['[27]', '[3]', '[27]', '[3]'], '27'],
  ])('%s are lists', async (_, column, cells, target) => {
    const rows = await read('moods.csv', table(column, cells));
    const first = rows.first.find(({ input }) => input === 'text 0\n');
    expect(first?.target).toBe(target);
    expect(rows.notes.join()).toContain(`“${column}” holds`);
  });

  it('that a model is to write, as JSON, stay as they stand', async () => {
    const rows = await read('calls.csv', table('output', ['["a", 1]', '["b", 2]', '["c", 3]']));
    expect(rows.first.map(({ target }) => target).sort()).toEqual(['["a", 1]', '["b", 2]', '["c", 3]']);
  });
});

describe('questions with choices', () => {
  it('in an object by their marks are laid out so', async () => {
    const rows = await readRecords(
      numbers.map((i) => ({ question: `Which ${i}?`, options: { A: 'one', B: 'two' }, answer: 'AB'[i % 2] })),
    );
    expect(rows.first[0]).toMatchObject({ input: 'Which 0?\nA. one\nB. two\n', target: 'A' });
  });

  it('whose answer is a place in the list have that as target', async () => {
    const rows = await readRecords(
      numbers.map((i) => ({ question: `Which ${i}?`, choices: ['one', 'two'], answer_idx: i % 2 })),
    );
    expect(rows.first[0]).toMatchObject({ input: 'Which 0?\n0. one\n1. two\n', target: '0' });
  });
});

describe('columns', () => {
  test.each([
    ['tokens and their tags', { tokens: ['John', 'runs'], ner_tags: [1, 0] }, 'John runs\n', '1, 0'],
    [
      'q and a',
      { q: 'Where?', a: 'Here, in the house by the sea.' },
      'Where?\n',
      'Here, in the house by the sea.',
    ],
    [
      'a long number beside a short text',
      { case_name: 'x y', size: 12345678901234, label: 'b' },
      'x y\n',
      'b',
    ],
  ])('%s', async (_, record, input, target) => {
    const other = {
      ...record,
      ...('q' in record && { q: 'Why?' }),
      ...('mood' in record && { mood: 'glad' }),
    };
    const rows = await readRecords([record, other, record, other]);
    expect(rows.first[0]).toMatchObject({ input, target });
  });
});

describe('JSON that wraps its rows', () => {
  const items = numbers.map((i) => ({ question: `Q${i}`, answer: `A${i}` }));
  test.each<[string, object]>([
    ['data.items', { meta: { version: 1 }, data: { items } }],
    ['result.rows', { status: 'ok', result: { total: 5, rows: items } }],
    ['response.body.entries', { response: { body: { entries: items, next: null } }, time: 3 }],
  ])('has them in %s, and it is said', async (path, root) => {
    const rows = await read('wrapped.json', JSON.stringify(root));
    expect(rows.training.length + rows.validation.length).toBe(5);
    expect(rows.first[0]).toMatchObject({ input: 'Q0\n', target: 'A0' });
    expect(rows.notes).toContain(`The rows are those of “${path}”.`);
  });

  it('is refused in words where there are several lists', async () => {
    const wrapped = { status: 'ok', a: { items }, b: { items } };
    await expect(read('wrapped.json', JSON.stringify(wrapped))).rejects.toThrow(/no list of rows was found/);
  });
});
