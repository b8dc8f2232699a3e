/** @file The server of static files that `npm start` and the browser tests use. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../../tools/setup/serve.mjs';

const folder = mkdtempSync(join(tmpdir(), 'serve-'));
const site = join(folder, 'site');
let server: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  mkdirSync(join(site, 'inner'), { recursive: true });
  writeFileSync(join(site, 'index.html'), '<title>page</title>');
  writeFileSync(join(site, 'inner', 'index.html'), 'inner page');
  writeFileSync(join(site, 'a b.wasm'), '0123456789');
  writeFileSync(join(site, 'empty.txt'), '');
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  symlinkSync(join(folder, 'secret.txt'), join(site, 'link.txt'));
  server = await serve({ folder: site, port: 0, base: '/some/base/' });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}) => fetch(server.url + path, { headers });

/** A request as it stands: fetch would resolve `..` before sending it. */
function raw(path: string, host = 'localhost', port = server.port): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
    );
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('serve', () => {
  it('answers a folder with its index.html, isolated from other origins', async () => {
    const response = await get('');
    expect(await response.text()).toBe('<title>page</title>');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cross-origin-opener-policy')).toBe('same-origin');
    expect(response.headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    expect(await (await get('inner/')).text()).toBe('inner page');
  });

  it('says what the page may do, without any script that is not its own', async () => {
    const { headers } = await get('');
    const policy = headers.get('content-security-policy') ?? '';
    const scripts = /script-src ([^;]*)/.exec(policy)?.[1] ?? '';
    expect(scripts.split(' ').toSorted()).toEqual(["'self'", "'wasm-unsafe-eval'"]);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).toContain("object-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('permissions-policy')).toContain('camera=()');
    expect((await get('none')).headers.get('content-security-policy')).toBe(policy);
  });

  it.each(['evil.example', 'evil.example:80', 'localhost.evil.example', '169.254.169.254', ''])(
    'does not answer to the name “%s”',
    async (host) => {
      expect(await raw('/some/base/', host)).toMatch(/^HTTP\/1\.1 (421|400)/);
    },
  );

  it.each(['localhost', 'LOCALHOST:4400', '127.0.0.1', '[::1]:4400'])('answers to “%s”', async (host) => {
    expect(await raw('/some/base/', host)).toMatch(/^HTTP\/1\.1 200/);
  });

  it('answers to a name that it was given', async () => {
    const named = await serve({ folder: site, port: 0, names: ['studio.example'] });
    try {
      expect(await raw('/', 'studio.example', named.port)).toMatch(/^HTTP\/1\.1 200/);
    } finally {
      await named.close();
    }
  });

  it('gives wasm its type, which streaming compilation needs', async () => {
    const response = await get('a%20b.wasm');
    expect(response.headers.get('content-type')).toBe('application/wasm');
    expect(await response.text()).toBe('0123456789');
  });

  it.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=0-1,4-5', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
  ])('answers the range %s with status %d and “%s”', async (range, status, text, contentRange) => {
    const response = await get('a%20b.wasm', { Range: range });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(text);
    expect(response.headers.get('content-range')).toBe(contentRange);
  });

  it('refuses a range beyond the end, with the size', async () => {
    const response = await get('a%20b.wasm', { Range: 'bytes=10-' });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */10');
  });

  it('sends an empty file', async () => {
    const response = await get('empty.txt');
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('answers 304 while a file has not changed', async () => {
    const tag = (await get('')).headers.get('etag') ?? '';
    expect((await get('', { 'If-None-Match': tag })).status).toBe(304);
    expect((await get('', { 'If-None-Match': '"other"' })).status).toBe(200);
  });

  it.each([
    '/some/base/../../secret.txt',
    '/some/base/%2e%2e/secret.txt',
    '/some/base/..%2fsecret.txt',
    '/some/base/inner/..%2f..%2fsecret.txt',
    '/some/base/%00',
    '/some/base/%zz',
    '/some/base/link.txt',
    '/index.html',
  ])('finds nothing outside the folder: %s', async (path) => {
    const answer = await raw(path);
    expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    expect(answer).not.toContain('secret\n');
  });

  it('sends the base without its slash to the base', async () => {
    const response = await fetch(server.url.slice(0, -1), { redirect: 'manual' });
    expect([response.status, response.headers.get('location')]).toEqual([301, '/some/base/']);
  });

  it('refuses to be written to', async () => {
    expect((await fetch(server.url, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  it('takes the next port when one is taken', async () => {
    const next = await serve({ folder: site, port: server.port });
    try {
      expect(next.port).toBeGreaterThan(server.port);
      expect(await (await fetch(next.url)).text()).toBe('<title>page</title>');
    } finally {
      await next.close();
    }
  });

  it('leaves the isolation headers out when asked to', async () => {
    const plain = await serve({ folder: site, port: 0, isolated: false });
    try {
      expect((await fetch(plain.url)).headers.get('cross-origin-opener-policy')).toBeNull();
    } finally {
      await plain.close();
    }
  });
});
