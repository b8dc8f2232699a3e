/** @file The shapes of well-known datasets, with rows of our own: which columns are input and target, and what they hold. */
import { describe, expect, it, test } from 'vitest';
import { openData } from '../../app/data/open';
import { readRows } from '../../app/data/rows';

async function read(name: string, text: string) {
  const { train, validation, test: held } = await openData([{ name, bytes: new TextEncoder().encode(text) }]);
  return readRows({ table: train, validationTable: validation, testTable: held, options: null });
}
const readRecords = (records: readonly object[]) =>
  read('rows.jsonl', records.map((record) => JSON.stringify(record)).join('\n'));

/** Two or more records by column. */
const byColumn = (columns: Record<string, readonly unknown[]>) => {
  const count = Math.max(...Object.values(columns).map((values) => values.length));
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[i % values.length]])),
  );
};

describe('of well-known sets', () => {
  test.each<[string, Record<string, unknown[]>, string, string]>([
    ['SST-2', { sentence: ['a fine film', 'a dull film'], label: [1, 0], idx: [0, 7] }, 'a fine film\n', '1'],
    [
      'IMDb',
      { text: ['I liked it very much', 'I left early, and gladly'], label: [1, 0] },
      'I liked it very much\n',
      '1',
    ],
    [
      'AG News with words',
      { text: ['Oil is up', 'They won'], label: [2, 1], label_text: ['Business', 'Sports'] },
      'Oil is up\n',
      'Business',
    ],
    [
      'AG News with title',
      {
        'Class Index': [3, 2, 3, 2],
        Title: ['Oil is up', 'They won', 'Gold is up', 'They lost'],
        Description: [
          'Prices rose again on Monday.',
          'The reds won at home.',
          'Gold rose, too.',
          'The blues lost away.',
        ],
      },
      'Oil is up\nPrices rose again on Monday.\n',
      '3',
    ],
    [
      'Banking77',
      { text: ['card lost', 'top up'], label: [11, 60], label_text: ['lost_card', 'top_up'] },
      'card lost\n',
      'lost_card',
    ],
    [
      'CLINC',
      { text: ['what is my balance', 'wake me'], intent: ['balance', 'alarm'] },
      'what is my balance\n',
      'balance',
    ],
    [
      'TREC',
      {
        text: ['Who was Galileo?', 'Where is Oman?'],
        coarse_label: ['HUM', 'LOC'],
        fine_label: ['HUM:ind', 'LOC:country'],
      },
      'Who was Galileo?\n',
      'HUM',
    ],
    [
      'QQP',
      {
        id: [0, 5],
        qid1: [1, 3],
        qid2: [2, 9],
        question1: ['How old?', 'Where?'],
        question2: ['What age?', 'When?'],
        is_duplicate: [1, 0],
      },
      'How old?\nWhat age?\n',
      '1',
    ],
    [
      'MRPC',
      {
        sentence1: ['He ran.', 'It rains.'],
        sentence2: ['He was running.', 'It is dry.'],
        label: ['equivalent', 'not_equivalent'],
        idx: [0, 1],
      },
      'He ran.\nHe was running.\n',
      'equivalent',
    ],
    [
      'STS-B',
      { sentence1: ['A man runs.', 'A dog.'], sentence2: ['A man is running.', 'A cat.'], score: [4.8, 1.2] },
      'A man runs.\nA man is running.\n',
      '4.8',
    ],
    [
      'MNLI',
      {
        promptID: ['31193', '101457'],
        pairID: ['31193n', '101457e'],
        premise: ['He ate an apple.', 'It rained.'],
        hypothesis: ['He ate fruit.', 'It was dry.'],
        genre: ['fiction', 'travel'],
        label1: ['entailment', 'contradiction'],
        gold_label: ['entailment', 'contradiction'],
      },
      'He ate an apple.\nHe ate fruit.\n',
      'entailment',
    ],
    [
      'SNLI with numbers',
      { premise: ['A man eats.', 'It rains.'], hypothesis: ['Someone eats.', 'It is dry.'], label: [0, 2] },
      'A man eats.\nSomeone eats.\n',
      '0',
    ],
    [
      'BoolQ',
      {
        question: ['is tea a drink', 'is tea a stone'],
        passage: ['Tea is a drink.', 'Tea is made of leaves.'],
        answer: [true, false],
      },
      'Tea is a drink.\nis tea a drink\n',
      'true',
    ],
    [
      'SQuAD',
      {
        id: ['5733be284776f41900661182', '5733be284776f4190066117f'],
        title: ['Peru', 'Oman'],
        context: ['Lima is in Peru.', 'Muscat is in Oman.'],
        question: ['What is in Peru?', 'What is in Oman?'],
        answers: [
          { text: ['Lima'], answer_start: [0] },
          { text: ['Muscat', 'Muscat is'], answer_start: [0, 0] },
        ],
      },
      'Lima is in Peru.\nWhat is in Peru?\n',
      'Lima',
    ],
    [
      'TriviaQA',
      {
        question: ['Capital of Peru?', 'Capital of Oman?'],
        question_id: ['tc_1', 'tc_2'],
        answer: [
          { value: 'Lima', aliases: ['Lima', 'City of Kings'] },
          { value: 'Muscat', aliases: ['Muscat'] },
        ],
      },
      'Capital of Peru?\n',
      'Lima',
    ],
    [
      'Natural Questions, open',
      { question: ['when was it', 'who was it'], answer: [['1972', 'December 1972'], ['Ann']] },
      'when was it\n',
      '1972',
    ],
    [
      'CommonsenseQA',
      {
        id: ['a1', 'a2'],
        question: ['Where do you buy bread?', 'Where do fish live?'],
        question_concept: ['bread', 'fish'],
        choices: [
          { label: ['A', 'B'], text: ['bakery', 'moon'] },
          { label: ['A', 'B'], text: ['desert', 'sea'] },
        ],
        answerKey: ['A', 'B'],
      },
      'Where do you buy bread?\nA. bakery\nB. moon\n',
      'A',
    ],
    [
      'ARC',
      {
        id: ['M1', 'M2'],
        question: ['Which is hot?', 'Which is cold?'],
        choices: [
          { text: ['ice', 'fire'], label: ['1', '2'] },
          { text: ['ice', 'fire'], label: ['1', '2'] },
        ],
        answerKey: ['2', '1'],
      },
      'Which is hot?\n1. ice\n2. fire\n',
      '2',
    ],
    [
      'MMLU',
      {
        question: ['2+2?', '3+3?'],
        subject: ['maths', 'maths'],
        choices: [
          ['3', '4', '5', '6'],
          ['3', '4', '5', '6'],
        ],
        answer: [1, 3],
      },
      '2+2?\n0. 3\n1. 4\n2. 5\n3. 6\n',
      '1',
    ],
    [
      'MMLU with letters',
      {
        question: ['2+2?', '3+3?'],
        choices: [
          ['3', '4'],
          ['6', '4'],
        ],
        answer: ['B', 'A'],
      },
      '2+2?\nA. 3\nB. 4\n',
      'B',
    ],
    [
      'RACE',
      {
        article: ['Ann went home.', 'Ben stayed.'],
        question: ['Who went?', 'Who stayed?'],
        options: [
          ['Ann', 'Ben'],
          ['Ann', 'Ben'],
        ],
        answer: ['A', 'B'],
      },
      'Ann went home.\nWho went?\nA. Ann\nB. Ben\n',
      'A',
    ],
    [
      'HellaSwag',
      {
        ind: [4, 8],
        ctx: ['He opens the door. He', 'She sits. She'],
        endings: [
          ['walks in', 'is a door'],
          ['is a chair', 'reads'],
        ],
        label: ['0', '1'],
      },
      'He opens the door. He\n0. walks in\n1. is a door\n',
      '0',
    ],
    [
      'PIQA',
      {
        goal: ['Open a jar.', 'Cool soup.'],
        sol1: ['Twist the lid.', 'Heat it.'],
        sol2: ['Sing.', 'Wait.'],
        label: [0, 1],
      },
      'Open a jar.\n0. Twist the lid.\n1. Sing.\n',
      '0',
    ],
    [
      'WinoGrande',
      {
        sentence: ['The cup did not fit the box since _ was big.', 'Ann thanked Ben since _ helped.'],
        option1: ['cup', 'Ann'],
        option2: ['box', 'Ben'],
        answer: ['1', '2'],
      },
      'The cup did not fit the box since _ was big.\n1. cup\n2. box\n',
      '1',
    ],
    [
      'A quiz with columns A to D',
      {
        question: ['2+2?', '3+3?'],
        A: ['4', '5'],
        B: ['5', '6'],
        C: ['6', '7'],
        D: ['7', '8'],
        answer: ['A', 'B'],
      },
      '2+2?\nA. 4\nB. 5\nC. 6\nD. 7\n',
      'A',
    ],
    [
      'GSM8K',
      { question: ['2 and 3 pears?', '1 and 1?'], answer: ['2+3=<<2+3=5>>5\n#### 5', '#### 2'] },
      '2 and 3 pears?\n',
      '2+3=<<2+3=5>>5\n#### 5',
    ],
    [
      'Alpaca',
      {
        instruction: ['Make it formal.', 'Name a fruit.'],
        input: ['hey there', ''],
        output: ['Good day.', 'A pear.'],
        text: [
          'Below is an instruction.\n\n### Instruction:\nMake it formal.\n\n### Input:\nhey there\n\n### Response:\nGood day.',
          'Below is an instruction.\n\n### Instruction:\nName a fruit.\n\n### Response:\nA pear.',
        ],
      },
      'Make it formal.\nhey there\n',
      'Good day.',
    ],
    [
      'Dolly',
      {
        instruction: ['When was it founded?', 'Name a fruit.'],
        context: ['The club was founded in 1908.', ''],
        response: ['In 1908.', 'A pear.'],
        category: ['closed_qa', 'open_qa'],
      },
      'When was it founded?\nThe club was founded in 1908.\n',
      'In 1908.',
    ],
    [
      'OpenOrca',
      {
        id: ['flan.1', 'flan.2'],
        system_prompt: ['You are terse.', 'You explain.'],
        question: ['2+2?', '3+3?'],
        response: ['4', '6'],
      },
      'You are terse.\n2+2?\n',
      '4',
    ],
    [
      'DPO',
      { prompt: ['Say hi', 'Say bye'], chosen: ['Hello!', 'Bye!'], rejected: ['No.', 'Go.'] },
      'Say hi\n',
      'Hello!',
    ],
    [
      'OpenAI’s prompt and completion',
      { prompt: ['Good tea ->', 'Bad tea ->'], completion: [' pos', ' neg'] },
      'Good tea ->\n',
      ' pos',
    ],
    [
      'CNN/DailyMail',
      {
        id: ['a0f1', 'b7c2'],
        article: ['A storm came over the coast on Monday and left.', 'The mayor opened a bridge.'],
        highlights: ['Storm hits coast.', 'Bridge opened.'],
      },
      'A storm came over the coast on Monday and left.\n',
      'Storm hits coast.',
    ],
    [
      'XSum',
      {
        document: ['A storm came over the coast.', 'The mayor opened a bridge.'],
        summary: ['Storm hits.', 'Bridge opened.'],
        id: ['1', '2'],
      },
      'A storm came over the coast.\n',
      'Storm hits.',
    ],
    [
      'SAMSum',
      {
        id: ['1', '2'],
        dialogue: ['Ann: Hi\r\nBen: Hello', 'Cleo: Lunch?\r\nDan: Yes'],
        summary: ['They greet.', 'They eat.'],
      },
      'Ann: Hi\r\nBen: Hello\n',
      'They greet.',
    ],
    [
      'WMT',
      {
        translation: [
          { de: 'Guten Tag', en: 'Good day' },
          { de: 'Danke', en: 'Thanks' },
        ],
      },
      'Guten Tag\n',
      'Good day',
    ],
    [
      'Two languages',
      { en: ['Good day', 'Thanks'], es: ['Buenos días', 'Gracias'] },
      'Good day\n',
      'Buenos días',
    ],
    [
      'OPUS with ids',
      {
        id: ['0', '1'],
        translation: [
          { en: 'Good day', fr: 'Bonjour' },
          { en: 'Thanks', fr: 'Merci' },
        ],
      },
      'Good day\n',
      'Bonjour',
    ],
    [
      'doccano',
      { id: [0, 1], text: ['good tea', 'bad tea'], label: [['pos'], ['neg']] },
      'good tea\n',
      'pos',
    ],
    [
      'several labels a row',
      { text: ['good tea', 'bad tea'], labels: [['joy', 'calm'], ['anger']] },
      'good tea\n',
      'joy, calm',
    ],
    [
      'Yelp',
      {
        review: ['The soup was cold and late.', 'Lovely place, we come again.'],
        stars: [1, 5],
        url: ['https://a.example/1', 'https://a.example/2'],
      },
      'The soup was cold and late.\n',
      '1',
    ],
    [
      'Support tickets',
      {
        ticket_id: [501, 502, 503, 504],
        customer_message: [
          'My parcel never came.',
          'The app does not start.',
          'It came broken.',
          'I cannot log in.',
        ],
        ticket_category: ['shipping', 'technical', 'shipping', 'technical'],
        created_at: ['2024-01-02', '2024-01-03', '2024-01-03', '2024-01-04'],
      },
      'My parcel never came.\n',
      'shipping',
    ],
  ])('%s', async (_name, columns, input, target) => {
    const rows = await readRecords(byColumn(columns));
    expect(rows.first[0]).toMatchObject({ input, target });
  });
});

describe('columns', () => {
  it('the words for numbers are the target, and never what is made of question and answer', async () => {
    const texts = ['My parcel never came', 'Thanks, all fine', 'Third time it broke', 'See you tomorrow'];
    const labels = ['complaint', 'no complaint', 'complaint', 'no complaint'];
    const rows = await readRecords(
      texts.map((text, i) => ({
        'Tweet text': text,
        ID: i,
        Label: labels[i] === 'complaint' ? 1 : 2,
        text_label: labels[i],
        output: `### Text: ${text}\n\n### Label: ${labels[i]}`,
      })),
    );
    expect(rows.options).toMatchObject({ inputTemplate: '{Tweet text}\n', targetTemplate: '{text_label}' });
  });

  it('that grow with the rows, uuids, hashes and dates are no text to learn', async () => {
    const rows = await readRecords(
      Array.from({ length: 12 }, (_, i) => ({
        Case: 1000 + (i >> 1),
        key: `0000000${i % 10}-0000-4000-8000-0000000000${10 + i}`,
        _input_hash: 900 - i * 7,
        when: `2024-01-${10 + i}`,
        remark: `remark number ${i} of a customer`,
        kind: i % 3 ? 'praise' : 'blame',
      })),
    );
    expect(rows.options).toMatchObject({ inputTemplate: '{remark}\n', targetTemplate: '{kind}' });
  });

  it('without a header may be any number', async () => {
    const csv = [
      '"3","Wall street falls","Shares fell, a trader said."',
      '"4","New phone","The maker showed it."',
      '"3","Oil is up","Prices rose, again."',
      '"4","Chips","A plant opens, they said."',
    ];
    const rows = await read('train.csv', csv.join('\n'));
    expect(rows.first[0]).toMatchObject({
      input: 'Wall street falls\nShares fell, a trader said.\n',
      target: '3',
    });
  });

  it('of tokens are refused in words, and beside texts passed over', async () => {
    const tokens = { input_ids: [1, 5, 7], labels: [-100, 5, 7], attention_mask: [1, 1, 1] };
    await expect(readRecords([tokens, tokens])).rejects.toThrow(/holds tokens, not text/);
    const rows = await readRecords([
      { text: 'a tea', label: 'x', ...tokens, labels: undefined },
      { text: 'b tea', label: 'y', ...tokens, labels: undefined },
    ]);
    expect(rows.options).toMatchObject({ inputTemplate: '{text}\n', targetTemplate: '{label}' });
  });

  it('of structure that no rule knows are never text without a word', async () => {
    const deep = { steps: [{ do: { a: [1] } }, { do: { a: [2] } }] };
    await expect(readRecords([deep, deep])).rejects.toThrow(
      /Column “steps” holds lists or objects .* and no other column holds text/,
    );
    const rows = await readRecords([
      { text: 'a', label: 'x', ...deep },
      { text: 'b', label: 'y', ...deep },
    ]);
    expect(rows.options).toMatchObject({ inputTemplate: '{text}\n', targetTemplate: '{label}' });
    const table = rows.readable.table;
    const asked = readRows({
      table,
      validationTable: null,
      options: { ...rows.options, inputTemplate: '{steps}\n' },
    });
    expect(asked.notes.join()).toContain(
      'Column “steps” holds lists or objects; they stand in the texts as JSON.',
    );
  });

  it('with lists say how the lists became text', async () => {
    const notes = async (label: unknown[]) =>
      (await readRecords(label.map((each, i) => ({ text: `tea ${i}`, label: each })))).notes.join();
    expect(await notes([['pos'], ['neg']])).toContain('The lists in “label” have one entry at most');
    expect(await notes([['pos', 'new'], ['neg']])).toContain('joined by commas');
  });

  it('empty in a row leave no empty line in its input', async () => {
    const rows = await readRecords([
      { instruction: 'Name a fruit.', input: '', output: 'A pear.' },
      { instruction: 'Make it formal.', input: 'hey', output: 'Good day.' },
    ]);
    expect(rows.first.map(({ input }) => input)).toEqual(['Name a fruit.\n', 'Make it formal.\nhey\n']);
  });
});
