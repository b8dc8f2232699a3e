/** @file What is built: small, complete, and free of where it lies. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { serve } from '../../tools/setup/serve.mjs';
import { dist, expect, Studio, test } from './studio';

const files = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  );

test('no file is larger than 8 MB, and no inference runtime has slipped in', () => {
  const all = files(dist).map((file) => ({ name: relative(dist, file), size: statSync(file).size }));
  expect(all.filter(({ size }) => size > 8_000_000)).toEqual([]);
  expect(all.filter(({ name }) => /onnx|ort[-.](wasm|all|web)/i.test(name))).toEqual([]);
});

test('until its model comes, a page without WebGPU downloads 500 KB at most', async ({ page }) => {
  const server = await serve({ folder: dist, port: 0 });
  try {
    const bodies: Promise<[string, number]>[] = [];
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (/\/(models|datasets)\//.test(pathname)) return;
      bodies.push(response.body().then((body) => [pathname, gzipSync(body, { level: 9 }).length]));
    });
    await new Studio(page, server.url).open();
    const sizes = await Promise.all(bodies);
    // The worker's scripts are among them.
    expect(sizes.map(([name]) => name).join(' ')).toMatch(/trainer\.worker.*wasmEngine/s);
    expect(sizes.reduce((sum, [, size]) => sum + size, 0)).toBeLessThan(500_000);
  } finally {
    await server.close();
  }
});

test('the four builds of the processor’s kernels are there, small', () => {
  const found = files(dist).filter((file) => /(plain|relaxed)(-shared)?-[^.]+\.wasm$/.test(file));
  expect(found).toHaveLength(4);
  for (const file of found) expect(statSync(file).size).toBeLessThan(60_000);
});

test('index.html refers to its own files relatively and to nothing elsewhere', () => {
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  const addresses = [...html.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
  expect(addresses.length).toBeGreaterThan(1);
  for (const address of addresses) expect(address).toMatch(/^(\.\/|data:)/);
});

for (const isolated of [true, false]) {
  const how = isolated ? 'with isolation headers' : 'without isolation headers';
  test(`the page starts under a path of its own, ${how}, and asks no other host`, async ({ page }) => {
    const server = await serve({ folder: dist, port: 0, base: '/some/base/', isolated });
    try {
      const elsewhere: string[] = [];
      const failed: string[] = [];
      page.on('request', (request) => {
        const url = request.url();
        if (!url.startsWith(server.url) && !/^(blob|data):/.test(url)) elsewhere.push(url);
      });
      page.on('response', (response) => {
        if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`);
      });
      const studio = new Studio(page, server.url);
      await studio.open();
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);
      await studio.button('Review sentiment').click();
      await expect(studio.data).toContainText('for training');
      await expect(studio.button('Train')).toBeEnabled();
      expect(elsewhere).toEqual([]);
      expect(failed).toEqual([]);
    } finally {
      await server.close();
    }
  });
}
