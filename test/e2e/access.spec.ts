/** @file The page without a mouse, and under the rules that can be checked by machine. */
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { expect, quick, smallDataset, test } from './studio';

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
