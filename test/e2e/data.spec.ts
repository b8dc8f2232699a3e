/** @file People's data as they drop them: conversations on a chat model, files that belong together, columns and labels to choose. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { embeddedModel, expect, quick, test } from './studio';

const template =
  "{% for m in messages %}{{ '<' + m.role + '> ' + m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}";

/** The embedded model with a chat template, as a zip. */
function chatModel(): Uint8Array {
  const files = Object.fromEntries(
    readdirSync(embeddedModel).map((name) => [name, new Uint8Array(readFileSync(join(embeddedModel, name)))]),
  );
  const config = JSON.parse(new TextDecoder().decode(files['tokenizer_config.json']));
  files['tokenizer_config.json'] = new TextEncoder().encode(
    JSON.stringify({ ...config, chat_template: template }),
  );
  return zipSync(files, { level: 0 });
}

const cities = ['Lima', 'Muscat', 'Suva', 'Oslo', 'Rome', 'Cairo', 'Quito', 'Dakar'];
const conversations = cities.map((city, i) =>
  JSON.stringify({
    messages: [
      { role: 'system', content: 'Answer in one word.' },
      { role: 'user', content: `Where is house ${i}?` },
      { role: 'assistant', content: 'In a city.' },
      { role: 'user', content: 'Which?' },
      { role: 'assistant', content: city },
    ],
  }),
);

test('conversations on a chat model: turns, learned tokens, a training, and a chat', async ({
  studio,
  page,
}) => {
  await studio.open();
  await studio.drop([{ name: 'chatty.zip', content: chatModel() }], studio.panel('Model'));
  await expect(studio.panel('Model')).toContainText('chatty', { timeout: 120_000 });

  await test.step('turns are shown as turns, and the tokens that are learned', async () => {
    await studio.openDataset([{ name: 'capitals.jsonl', content: conversations.join('\n') }], 8);
    const first = studio.data.getByRole('list', { name: 'Turns' }).first();
    await expect(first.getByRole('listitem')).toHaveCount(5);
    await expect(first.getByRole('listitem').first()).toHaveText(/SystemAnswer in one word\./);
    await expect(first.getByText('learned', { exact: true })).toHaveCount(1);
    await expect(first.locator('mark')).toHaveCount(1);
    await expect(studio.data).toContainText('conversations from column “messages”');
  });

  await test.step('all answers can be learned, and that be taken back', async () => {
    await studio.data.getByText('Columns and split').click();
    await studio.data.getByRole('radio', { name: 'All answers' }).click();
    const first = studio.data.getByRole('list', { name: 'Turns' }).first();
    await expect(first.locator('mark')).toHaveCount(2);
    await studio.button('Undo change').click();
    await expect(first.locator('mark')).toHaveCount(1);
  });

  await test.step('a few steps, and an answer as in a chat', async () => {
    await studio.set({ ...quick, Steps: 4 });
    await studio.button('Train').click();
    await studio.reached(4, 4);
    await studio.phase('finished');
    await studio.button('Use an example').click();
    await expect(page.getByRole('textbox', { name: 'Input', exact: true })).toHaveValue('Which?');
    await studio.button('Generate').click();
    await expect(page.getByRole('region', { name: 'With prompt', exact: true })).toContainText(
      /\d tokens? · /,
    );
  });
});

test('files of rows that belong together, labels written in several ways, another column', async ({
  studio,
}) => {
  await studio.open();
  const rows = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => {
      const label = ['billing', 'technical', 'Billing '][(from + i) % 3];
      return `${from + i},Message number ${from + i} of a customer,${label},topic ${i % 4}`;
    });
  const csv = (lines: string[]) => ['id,message,label,subject', ...lines].join('\n');

  await test.step('train.csv and test.csv together', async () => {
    await studio.drop([
      { name: 'test.csv', content: csv(rows(100, 9)) },
      { name: 'train.csv', content: csv(rows(0, 30)) },
    ]);
    await expect(studio.data).toContainText('39 rows');
    await expect(studio.data).toContainText(/9 for the test \(of their own\)/);
  });

  await test.step('labels are joined with one click, and kept apart again', async () => {
    const checks = studio.data.getByRole('list', { name: 'Seen in the rows' });
    await expect(checks).toContainText('An answer is written in several ways');
    await studio.button('Join labels').click();
    await expect(studio.data).toContainText('2 answers: billingtechnical');
    await studio.button('Keep them apart').click();
    await expect(studio.data).toContainText('3 answers:');
  });

  await test.step('another column is chosen, and that taken back', async () => {
    await studio.data.getByText('Columns and split').click();
    await studio.data.getByRole('combobox', { name: 'Target column' }).click();
    await studio.page.getByRole('option', { name: 'subject' }).click();
    await expect(studio.data).toContainText('4 answers: topic 0');
    await studio.button('Undo change').click();
    await expect(studio.data).toContainText('3 answers:');
  });

  await test.step('a workbook takes its place, and gives it back', async () => {
    const workbook = readFileSync(join(import.meta.dirname, '../fixtures/data/sweep/xlsx/typed.xlsx'));
    await studio.drop([{ name: 'typed.xlsx', content: workbook }]);
    await expect(studio.data).toContainText('typed.xlsx');
    await studio.button('Undo: back to train.csv').click();
    await expect(studio.data).toContainText('39 rows');
  });
});
