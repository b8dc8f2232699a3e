/** @file The page without a mouse, and under the rules that can be checked by machine. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { simulate, tell } from './simulated';
import { expect, quick, type Studio, smallDataset, test } from './studio';

/** Presses Tab until the element has the focus. */
async function tabTo(page: Page, role: 'button' | 'textbox' | 'spinbutton', name: string): Promise<void> {
  const target = page.getByRole(role, { name, exact: true });
  for (let presses = 0; presses < 150; presses++) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`The ${role} “${name}” was not reached with 150 presses of Tab.`);
}

async function violations(page: Page): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page }).analyze();
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ target, any }) => `${target.join(' ')} (${any[0]?.message})`).join(', ')}`,
    );
}

test('the whole path works from the keyboard alone', async ({ studio, page }) => {
  await studio.open();
  await expect(studio.button('Review sentiment')).toBeVisible();
  await page.keyboard.press('Tab');
  await tabTo(page, 'button', 'Review sentiment');
  await page.keyboard.press('Enter');
  await expect(studio.data).toContainText('for training');

  for (const [name, value] of Object.entries({ ...quick, Steps: 2 })) {
    await tabTo(page, 'spinbutton', name);
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.type(String(value));
  }
  await tabTo(page, 'button', 'Train');
  await page.keyboard.press('Space');
  await studio.phase('finished');

  await tabTo(page, 'textbox', 'Input');
  await page.keyboard.type('The soup was cold.');
  await page.keyboard.press('ControlOrMeta+Enter');
  await expect(page.getByRole('region', { name: 'With prompt', exact: true })).toContainText(/\d tokens? · /);

  await tabTo(page, 'button', 'Download prompt');
  const download = page.waitForEvent('download');
  await page.keyboard.press('Enter');
  await download;
});

for (const scheme of ['light', 'dark'] as const) {
  test(`no serious fault is found by axe in the ${scheme} theme, before and after a run`, async ({
    studio,
    page,
  }) => {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await studio.open();
    await expect(studio.button('Review sentiment')).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await studio.openDataset(smallDataset(), 32);
    await studio.set({ ...quick, Steps: 2 });
    await studio.button('Train').click();
    await studio.phase('finished');
    await expect(studio.neighbours).toBeVisible();
    // What is under the pointer has a colour of its own.
    await page.mouse.move(0, 0);
    expect(await violations(page)).toEqual([]);
  });
}

/** What stands on the page only now and then, one after another. */
const moments: Record<string, (studio: Studio, page: Page) => Promise<void>> = {
  'the list of models': async (studio) => {
    await studio.button('Choose a model…').click();
    await expect(studio.chooser).toContainText('SmolLM2 135M');
  },
  'a gated model and its token field': async (studio) => {
    await studio.loadModel('google/gemma-3-270m-it');
    await expect(studio.panel('Model').getByRole('alert')).toContainText('gated');
  },
  'models kept, one about to be deleted': async (studio, page) => {
    await page.getByText('Kept in this browser', { exact: true }).click();
    await studio.button('Delete HuggingFaceTB/SmolLM2-135M').click();
    await page.getByText('Access token', { exact: true }).click();
  },
  'a chat model over the budget, its format and its cost': async (studio, page) => {
    await studio.button('Choose a model…').click();
    await studio.chooser.getByRole('checkbox').click();
    await studio.chooser.getByRole('button', { name: /^Load in 8 bits: Qwen/ }).click();
    await studio.button('Review sentiment').click();
    await studio.button('Measure what 8 bits cost').click();
    await expect(studio.panel('Model')).toContainText('validation rows');
    await studio.data.getByText('Columns and split').click();
    await studio.panel('Settings').locator('.memory summary').click();
    await page.getByRole('spinbutton', { name: 'May be used' }).fill('0.1');
    await expect(studio.panel('Settings')).toContainText('What helps');
  },
  'a lost device': async (studio, page) => {
    await tell(page, { type: 'deviceLost', message: 'the driver was reset' });
    await expect(page.getByRole('complementary', { name: 'Notices' })).toContainText('was lost');
    await expect(studio.panel('Model')).toContainText('parameters');
  },
};

// Colours do not depend on the width, nor what overflows on the colours.
for (const [scheme, width] of [
  ['light', 1440],
  ['dark', 390],
] as const) {
  test(`what comes and goes is without serious faults, ${scheme}, at ${width} pixels`, async ({
    studio,
    page,
  }) => {
    await simulate(page);
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    for (const [name, arrange] of Object.entries(moments)) {
      await test.step(name, async () => {
        await studio.open();
        await arrange(studio, page);
        await page.mouse.move(0, 0);
        expect(await violations(page)).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
      });
    }
  });
}

for (const width of [1440, 900, 390]) {
  test(`nothing is cut off sideways at ${width} pixels`, async ({ studio, page }) => {
    await page.setViewportSize({ width, height: 900 });
    await studio.open();
    await studio.openDataset(smallDataset(), 32);
    await expect(studio.button('Train')).toBeEnabled();
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
  });
}
