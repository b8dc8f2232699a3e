/**
 * @file A small server of static files for the built page: right types, byte ranges, the headers that
 * isolate the page so that it may use threads, and those that say what it may do. As a program: `node tools/setup/serve.mjs [FOLDER] [--port N] [--base /path/] [--name HOST]`.
 */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isolationHeaders, securityHeaders, workerPolicy } from './policy.mjs';

/** @type {Record<string, string>} */
const types = {
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.jsonl': 'application/jsonl; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.parquet': 'application/vnd.apache.parquet',
  '.png': 'image/png',
  '.safetensors': 'application/octet-stream',
  '.svg': 'image/svg+xml',
  '.tsv': 'text/tab-separated-values; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

const policy = 'Content-Security-Policy';

/** Names by which a browser on this machine knows it. Any other in a request means that another site's name leads here. */
const ownNames = ['localhost', '127.0.0.1', '[::1]'];

/**
 * @typedef {object} ServeOptions
 * @property {string} folder What to serve.
 * @property {number} [port] First port to try, 0 for any free one. Default 4400.
 * @property {string} [base] The path under which the folder appears; default `/`.
 * @property {boolean} [isolated] Whether to send the isolation headers; default true.
 * @property {boolean} [guarded] Whether to send the security headers; default true. A host that sends none is tried so.
 * @property {readonly string[]} [names] Names by which it may be asked for, beside this machine's own: of a proxy before it.
 */

/**
 * Serves a folder to this machine only. A port that is taken is passed over for the next, twenty times.
 *
 * @param {ServeOptions} options
 * @returns {Promise<{ url: string, port: number, close: () => Promise<void> }>}
 */
export async function serve({
  folder,
  port = 4400,
  base = '/',
  isolated = true,
  guarded = true,
  names = [],
}) {
  const root = await realpath(folder);
  const prefix = `/${base.split('/').filter(Boolean).join('/')}/`.replace('//', '/');
  const headers = { ...(guarded && securityHeaders), ...(isolated && isolationHeaders) };
  const handler = createHandler(root, prefix, headers, [...ownNames, ...names]);
  const last = port === 0 ? port : port + 20;
  for (let candidate = port; ; candidate++) {
    const servers = await listen(handler, candidate);
    if (servers) {
      const address = servers[0].address();
      const bound = address && typeof address === 'object' ? address.port : candidate;
      const close = async () => {
        await Promise.all(servers.map((server) => closeServer(server)));
      };
      return { url: `http://localhost:${bound}${prefix}`, port: bound, close };
    }
    if (candidate >= last)
      throw new Error(`The ports ${port} to ${last} are all taken; set PORT to a free one.`);
  }
}

/**
 * Listens on both loopback addresses, as a browser may take either for `localhost`.
 *
 * @param {import('node:http').RequestListener} handler
 * @param {number} port
 * @returns {Promise<import('node:http').Server[] | null>} null where the port is taken.
 */
async function listen(handler, port) {
  const first = await listenOn(handler, port, '127.0.0.1');
  if (first === 'taken') return null;
  if (first === 'no address') throw new Error('This machine has no address 127.0.0.1 to serve on.');
  const address = first.address();
  const second = await listenOn(handler, address && typeof address === 'object' ? address.port : port, '::1');
  if (second === 'no address') return [first];
  if (second !== 'taken') return [first, second];
  await closeServer(first);
  return port === 0 ? listen(handler, port) : null;
}

/**
 * @param {import('node:http').RequestListener} handler
 * @param {number} port
 * @param {string} host
 * @returns {Promise<import('node:http').Server | 'taken' | 'no address'>}
 */
function listenOn(handler, port, host) {
  return new Promise((resolve, reject) => {
    const server = createServer(handler);
    server.once('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve('taken');
      else if (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT') resolve('no address');
      else reject(error);
    });
    server.listen(port, host, () => resolve(server));
  });
}

/** @param {import('node:http').Server} server */
function closeServer(server) {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}

/**
 * @param {string} root
 * @param {string} prefix
 * @param {Record<string, string>} headers
 * @param {readonly string[]} names
 * @returns {import('node:http').RequestListener}
 */
function createHandler(root, prefix, headers, names) {
  return async (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    try {
      // Else a site whose name is made to lead here could read the page's files and what it keeps.
      if (!names.includes((request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase())) {
        return refuse(response, 421, 'This server answers to the names of its own machine only.');
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('Allow', 'GET, HEAD');
        return refuse(response, 405, 'Only GET and HEAD are answered here.');
      }
      const path = requestedPath(request.url ?? '/');
      if (path !== null && path === prefix.slice(0, -1)) {
        response.setHeader('Location', prefix);
        return refuse(response, 301, prefix);
      }
      if (!path?.startsWith(prefix)) return refuse(response, 404, 'Nothing is served under this path.');
      const file = await findFile(root, path.slice(prefix.length));
      if (!file) return refuse(response, 404, 'There is no such file.');
      if (response.hasHeader(policy) && /\bworker\b[^/\\]*\.js$/.test(file.path)) {
        response.setHeader(policy, workerPolicy);
      }
      send(request, response, file);
    } catch (error) {
      if (!response.headersSent) refuse(response, 500, String(error));
      else response.destroy();
    }
  };
}

/**
 * @param {string} url
 * @returns {string | null} the decoded path, null where it cannot be decoded.
 */
function requestedPath(url) {
  try {
    const path = decodeURIComponent(url.split(/[?#]/, 1)[0]);
    return path.includes('\0') ? null : path;
  } catch {
    return null;
  }
}

/**
 * The file a path names: itself, or index.html of a folder. Never one outside the root, by `..` or by a link.
 *
 * @param {string} root
 * @param {string} path
 */
async function findFile(root, path) {
  const wanted = resolve(root, `./${path}`);
  for (const candidate of path === '' || path.endsWith('/') ? [join(wanted, 'index.html')] : [wanted]) {
    const real = await realpath(candidate).catch(() => null);
    if (!real?.startsWith(root.endsWith(sep) ? root : root + sep)) continue;
    const info = await stat(real);
    if (info.isFile()) return { path: real, size: info.size, modified: info.mtime };
  }
  return null;
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {{ path: string, size: number, modified: Date }} file
 */
function send(request, response, file) {
  const tag = `"${file.size.toString(16)}-${Math.floor(file.modified.getTime()).toString(16)}"`;
  response.setHeader('Content-Type', types[extname(file.path).toLowerCase()] ?? 'application/octet-stream');
  response.setHeader('Last-Modified', file.modified.toUTCString());
  response.setHeader('ETag', tag);
  response.setHeader('Accept-Ranges', 'bytes');
  // Always asked again, answered by 304 when nothing has changed: a rebuild must show at once.
  response.setHeader('Cache-Control', 'no-cache');
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304).end();
    return;
  }
  const ifRange = request.headers['if-range'];
  const range =
    ifRange === undefined || ifRange === tag ? parseRange(request.headers.range, file.size) : null;
  if (range === 'unsatisfiable') {
    response.setHeader('Content-Range', `bytes */${file.size}`);
    return refuse(response, 416, `The file has ${file.size} bytes.`);
  }
  const [start, end] = range ?? [0, file.size - 1];
  if (range) response.setHeader('Content-Range', `bytes ${start}-${end}/${file.size}`);
  response.setHeader('Content-Length', end - start + 1);
  response.writeHead(range ? 206 : 200);
  if (request.method === 'HEAD' || file.size === 0) {
    response.end();
    return;
  }
  // A reader that goes away ends the stream; nobody is left to tell.
  pipeline(createReadStream(file.path, { start, end }), response, () => {});
}

/**
 * A single byte range (RFC 9110, section 14). Several ranges, or what is not understood, ask for the whole file.
 *
 * @param {string | undefined} header
 * @param {number} size
 * @returns {[number, number] | 'unsatisfiable' | null} first and last byte.
 */
function parseRange(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return null;
  if (match[1] === '') {
    const length = Number(match[2]);
    return length === 0 || size === 0 ? 'unsatisfiable' : [Math.max(0, size - length), size - 1];
  }
  const start = Number(match[1]);
  const end = match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== '' && Number(match[2]) < start) return null;
  return start >= size ? 'unsatisfiable' : [start, end];
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {string} message
 */
function refuse(response, status, message) {
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.writeHead(status).end(`${message}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: 'string' },
      base: { type: 'string' },
      'no-isolation': { type: 'boolean' },
      name: { type: 'string', multiple: true },
    },
  });
  const server = await serve({
    folder: positionals[0] ?? 'dist',
    port: Number(values.port ?? process.env.PORT ?? 4400),
    base: values.base,
    isolated: !values['no-isolation'],
    names: values.name,
  });
  console.log(server.url);
}
