/** @file What the browser tests share: a server of the built page, and the page as a person uses it. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { root } from '../../tools/setup/project.mjs';
import { serve } from '../../tools/setup/serve.mjs';

export { expect } from '@playwright/test';

export const dist = join(root, 'dist');
export const datasets = join(root, 'public', 'datasets');
export const embeddedModel = join(root, 'public', 'models', 'studio-2.6m');

/** A file as it is dropped. */
export interface Dropped {
  name: string;
  type?: string;
  content: string | Uint8Array;
}

/** Numbers that a test sets; the others stay automatic. */
export type Settings = Partial<Record<'Virtual tokens' | 'Learning rate' | 'Steps' | 'Batch size', number>>;

/** One page, and the names by which tests and screen readers find its parts. */
export class Studio {
  readonly status: Locator;
  readonly data: Locator;
  readonly prompt: Locator;
  readonly neighbours: Locator;
  readonly curve: Locator;

  constructor(
    readonly page: Page,
    readonly address: string,
  ) {
    this.status = page.getByRole('status', { name: 'Training status' });
    this.data = this.panel('Data');
    this.prompt = this.panel('Prompt');
    this.neighbours = page.getByRole('table', { name: 'Nearest vocabulary tokens' });
    this.curve = page.getByRole('img', { name: 'Loss curve' });
  }

  /** Opens the page and waits for the embedded model. */
  async open(query = ''): Promise<void> {
    const address = new URL(this.address);
    for (const [name, value] of new URLSearchParams(query)) address.searchParams.set(name, value);
    await this.page.goto(address.href);
    await this.modelReady();
  }

  async modelReady(): Promise<void> {
    await expect(this.panel('Model')).toContainText('parameters', { timeout: 120_000 });
  }

  /** The window to choose a model in. */
  get chooser(): Locator {
    return this.page.getByRole('dialog', { name: 'Choose a model' });
  }

  /** Opens the chooser and loads a name (`owner/model@revision`) or an address; the model may still be on its way. */
  async loadModel(nameOrAddress: string): Promise<void> {
    await this.button('Choose a model…').click();
    await this.chooser.getByRole('textbox').fill(nameOrAddress);
    await this.chooser.getByRole('button', { name: 'Load', exact: true }).click();
  }

  panel(title: string): Locator {
    return this.page.getByRole('region', { name: title, exact: true });
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  setting(name: keyof Settings): Locator {
    return this.page.getByRole('spinbutton', { name, exact: true });
  }

  /** Drops files onto the page, or a part of it, as a desktop would. */
  async drop(files: Dropped[], onto: Locator = this.page.locator('body')): Promise<void> {
    const plain = files.map(({ name, type = '', content }) => ({
      name,
      type,
      base64: Buffer.from(content).toString('base64'),
    }));
    await onto.evaluate((target, dropped) => {
      const transfer = new DataTransfer();
      for (const { name, type, base64 } of dropped) {
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type }));
      }
      for (const kind of ['dragenter', 'dragover', 'drop']) {
        target.dispatchEvent(
          new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }),
        );
      }
    }, plain);
  }

  /** Drops a dataset and waits until it is in use. */
  async openDataset(files: Dropped[], rows: number): Promise<void> {
    await this.drop(files);
    await expect(this.data).toContainText(`${rows} rows`);
    await expect(this.data).toContainText(files[0].name);
  }

  /** Sets numbers of a run that trains one prompt. */
  async set(settings: Settings): Promise<void> {
    await this.choose('Search', 'train one prompt');
    for (const [name, value] of Object.entries(settings)) {
      await this.setting(name as keyof Settings).fill(String(value));
    }
  }

  /** Chooses a setting's value from its list. */
  async choose(setting: string, value: string): Promise<void> {
    await this.page.getByRole('combobox', { name: setting, exact: true }).click();
    await this.page.getByRole('option', { name: value, exact: true }).click();
  }

  /** Settings of a run that is to make all of its steps, however early nearly all rows are right. */
  async setToTheEnd(settings: Settings): Promise<void> {
    await this.set(settings);
    await this.panel('Settings').getByText('Advanced', { exact: true }).click();
    await this.page.getByRole('spinbutton', { name: 'Patience', exact: true }).fill('0');
  }

  /** Waits for a number of steps; the status is the one that assistive technology reads. */
  async reached(step: number, steps: number): Promise<void> {
    await expect(this.status).toContainText(`step ${step} / ${steps}`, { timeout: 840_000 });
  }

  /** The number of steps made so far, 0 before a run. */
  async step(): Promise<number> {
    return Number(/step (\d+) \//.exec((await this.status.textContent()) ?? '')?.[1] ?? 0);
  }

  /** Waits for a phase: the words of the status. */
  async phase(words: string): Promise<void> {
    await expect(this.status).toContainText(words, { timeout: 180_000 });
  }

  /** The curve's description in words. */
  async description(): Promise<string> {
    const id = await this.curve.getAttribute('aria-describedby');
    return (await this.page.locator(`[id="${id}"]`).textContent()) ?? '';
  }

  /** Tables under the curve: the validation passes, oldest first, and the last steps, newest first. */
  async numbers(): Promise<{ validation: string[][]; steps: string[][] }> {
    const fold = this.panel('Train').getByText('Numbers', { exact: true });
    const validation = this.page.getByRole('table', { name: 'Validation', exact: true });
    if (!(await validation.isVisible())) await fold.click();
    // The tables are drawn a moment after the fold opens.
    await expect(validation).toBeVisible();
    const cells = async (table: Locator) => {
      const rows = await table.getByRole('row').all();
      return Promise.all(rows.slice(1).map((row) => row.locator('th, td').allTextContents()));
    };
    const steps = await cells(this.page.getByRole('table', { name: 'Last steps', exact: true }));
    return { validation: (await cells(validation)).reverse(), steps };
  }

  /** The loss of every step, read from the curve with the arrow keys as someone without a pointer would. */
  async stepLosses(): Promise<number[]> {
    const readout = this.panel('Train').locator('.readout');
    const read = async () => {
      const [, step, loss] = /step\s*(\d+)\s*loss\s*([\d.e-]+)/.exec(await readout.innerText()) ?? [];
      return { step: Number(step), loss: Number(loss) };
    };
    const losses: number[] = [];
    await this.curve.focus();
    // To the last step, from wherever the pointer was left.
    for (let made = await this.step(); made >= 0; made -= 10)
      await this.page.keyboard.press('Shift+ArrowRight');
    for (let step = (await read()).step; step >= 1; step--) {
      await expect.poll(async () => (await read()).step).toBe(step);
      losses.unshift((await read()).loss);
      await this.page.keyboard.press('ArrowLeft');
    }
    return losses;
  }

  /** The nearest token of every virtual token. */
  async nearest(): Promise<string[]> {
    return this.neighbours.locator('tbody tr td:nth-child(2)').allTextContents();
  }
}

/** The shortest rows of a sample, with its header: a software GPU is slow. */
export function shortRows(file: string, count: number): Dropped {
  const [header, ...rows] = readFileSync(join(datasets, file), 'utf8').trimEnd().split('\n');
  const chosen = new Set(rows.toSorted((a, b) => a.length - b.length).slice(0, count));
  const kept = rows.filter((row) => chosen.has(row));
  return { name: basename(file), type: 'text/csv', content: `${[header, ...kept].join('\n')}\n` };
}

/** Texts of two kinds, and a few rows for validation. */
export function smallDataset(training = 24, validation = 8): Dropped[] {
  return [
    { ...shortRows('review-sentiment.csv', training), name: 'reviews.csv' },
    { ...shortRows('review-sentiment.validation.csv', validation), name: 'reviews.validation.csv' },
  ];
}

/** Small enough for a test, large enough to learn from. */
export const quick: Settings = { 'Virtual tokens': 4, 'Learning rate': 0.05, 'Batch size': 2 };

export const test = base.extend<{ studio: Studio }, { server: string }>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads a fixture's needs from this pattern
    async ({}, use) => {
      const server = await serve({ folder: dist, port: 0 });
      await use(server.url);
      await server.close();
    },
    { scope: 'worker' },
  ],
  studio: async ({ page, server }, use, { project }) => {
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    // Of itself the page takes the processor where WebGPU has no graphics card behind it.
    await use(new Studio(page, project.name === 'webgpu' ? `${server}?backend=webgpu` : server));
    expect(errors, 'errors that nothing caught').toEqual([]);
  },
});
