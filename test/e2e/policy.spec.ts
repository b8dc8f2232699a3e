/** @file The page under its Content-Security-Policy: from the server's headers, and, where a host sends none, from the page. */
import { type ConsoleMessage, expect } from '@playwright/test';
import { serve } from '../../tools/setup/serve.mjs';
import { dist, quick, Studio, smallDataset, test } from './studio';

for (const guarded of [true, false]) {
  const whose = guarded ? 'that the server sends' : 'that the page itself has';
  test(`the page loads, trains and breaks no rule under the policy ${whose}`, async ({ page }) => {
    const server = await serve({ folder: dist, port: 0, guarded });
    try {
      const said: string[] = [];
      const listen = (message: ConsoleMessage) => said.push(message.text());
      page.on('console', listen);
      page.on('worker', (worker) => worker.on('console', listen));
      await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
          console.error(`Content Security Policy: ${violatedDirective} ${blockedURI}`),
        );
      });
      const studio = new Studio(page, server.url);
      await studio.open();
      // The processor's threads are on only in an isolated page: they are what the policy could stop.
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
      await studio.openDataset(smallDataset(), 32);
      await studio.set({ ...quick, Steps: 5 });
      await studio.button('Train').click();
      await studio.reached(5, 5);
      await studio.phase('finished');
      await expect(studio.curve).toBeVisible();
      expect(said.filter((text) => /content security policy|violat/i.test(text))).toEqual([]);

      const stopped = await page.evaluate(async () => {
        const stops = (run: () => unknown) => {
          try {
            run();
            return false;
          } catch {
            return true;
          }
        };
        const script = document.createElement('script');
        script.textContent = 'globalThis.ranInline = true';
        document.head.append(script);
        // What a debugger runs may evaluate text: only later does the page's own policy hold.
        await new Promise((done) => setTimeout(done));
        return { text: stops(() => new Function('return 1')()), inline: !('ranInline' in globalThis) };
      });
      expect(stopped).toEqual({ text: true, inline: true });
    } finally {
      await server.close();
    }
  });
}

test('no other site can put the page into a frame', async ({ page }) => {
  const server = await serve({ folder: dist, port: 0 });
  const other = await serve({ folder: dist, port: 0, guarded: false, isolated: false });
  try {
    await page.goto(other.url);
    const refused = page.waitForEvent('console', (message) => /frame/i.test(message.text()));
    await page.evaluate((address) => {
      const frame = document.createElement('iframe');
      frame.src = address;
      document.body.append(frame);
    }, server.url);
    expect((await refused).text()).toMatch(/frame-ancestors|X-Frame-Options|frame/i);
  } finally {
    await server.close();
    await other.close();
  }
});

test('only the tests’ own build can be given another Hub', async ({ page, server }) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).origin));
  const studio = new Studio(page, `${server}?hub=http://127.0.0.1:9`);
  await page.route('https://huggingface.co/**', (route) => route.fulfill({ status: 404, body: '{}' }));
  await studio.open();
  await studio.loadModel('someone/small-llama');
  await expect(studio.panel('Model').getByRole('alert')).toContainText('someone/small-llama');
  expect(asked).not.toContain('http://127.0.0.1:9');
});
