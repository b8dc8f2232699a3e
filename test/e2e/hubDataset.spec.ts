/** @file A dataset of the Hub by its name, as a person types it: seen and trained on; a wrong name; an opening that is cancelled. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../tools/setup/project.mjs';
import { type HubServer, hubFile } from '../hub/server';
import { expect, test } from './hubPage';
import { quick, type Studio } from './studio';

const COMMIT = 'da7a5e7000'.repeat(4);
/** 20 rows of `text` and `label`, the label's names in the schema. */
const rows = new Uint8Array(
  readFileSync(join(root, 'test', 'fixtures', 'data', 'sweep', 'parquet', 'classlabel.parquet')),
);

/** A dataset as the Hub converts every public one. */
function publishRows(hub: HubServer, id: string): void {
  const files = new Map([['default/train/0000.parquet', hubFile(rows, true)]]);
  hub.models.set(id, { refs: { 'refs/convert/parquet': COMMIT }, commits: { [COMMIT]: files } });
}

async function openByName(studio: Studio, name: string): Promise<void> {
  await studio.data.getByRole('textbox', { name: 'or a dataset of the Hugging Face Hub' }).fill(name);
  await studio.data.getByRole('button', { name: 'Open', exact: true }).click();
}

test('a dataset is opened by its name, its rows and parts are seen, and a prompt is trained on it', async ({
  studio,
  hub,
}) => {
  publishRows(hub, 'someone/films');
  await openByName(studio, 'someone/films');
  await expect(studio.data).toContainText('20 rows');
  await expect(studio.data).toContainText('someone/films');
  await expect(studio.data).toContainText('2 answers: negpos');
  await expect(studio.data).toContainText('row·1');
  await expect(studio.data.locator('li mark').first()).toContainText(/neg|pos/);
  // The files were read in ranges, from where the Hub keeps them, and nothing else was asked for.
  const asked = hub.requests.filter(({ method }) => method !== 'OPTIONS');
  expect(asked.filter(({ host }) => host === 'cdn').every(({ range }) => range !== null)).toBe(true);
  expect(asked.every(({ authorization }) => authorization === null)).toBe(true);

  await studio.set({ ...quick, Steps: 4 });
  await studio.button('Train').click();
  await studio.reached(4, 4);
  await studio.phase('finished');
  await expect(studio.button('Download prompt')).toBeEnabled();
});

test('a name that the Hub does not know, and a text that is none, are answered in words; the dataset before stays', async ({
  studio,
  hub,
}) => {
  publishRows(hub, 'someone/films');
  await openByName(studio, 'https://huggingface.co/datasets/someone/films');
  await expect(studio.data).toContainText('20 rows');
  const error = studio.data.getByRole('alert');
  await openByName(studio, 'someone/flims');
  await expect(error).toContainText('The Hub has no public dataset someone/flims');
  await expect(error).toContainText('Check the name, which is owner/name');
  await expect(error).toContainText('someone/films stays in use.');
  await openByName(studio, 'my films');
  await expect(error).toContainText('“my films” is no dataset of the Hub.');
  await expect(studio.data).toContainText('20 rows');
});

test('an opening is cancelled while the Hub keeps it waiting, and another can begin', async ({
  studio,
  hub,
}) => {
  publishRows(hub, 'someone/films');
  publishRows(hub, 'someone/songs');
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  hub.troubles.before = () => held;
  await openByName(studio, 'someone/films');
  await expect(studio.data).toContainText(/(Opening|Reading) someone\/films/);
  await studio.button('Cancel opening').click();
  await expect(studio.button('Cancel opening')).toBeHidden();
  await expect(studio.data.getByRole('alert')).toBeHidden();
  await expect(studio.data).not.toContainText('20 rows');
  release();
  await openByName(studio, 'someone/songs');
  await expect(studio.data).toContainText('20 rows');
  await expect(studio.data).toContainText('someone/songs');
});
