/**
 * @file What the page may do, as headers of the server and, for hosts that send none, as a policy inside the page:
 * scripts of its own only, no evaluation of text but WebAssembly, and nobody's frame around it.
 */

const directives = {
  'default-src': "'self'",
  // WebAssembly has a word of its own, which allows no script.
  'script-src': "'self' 'wasm-unsafe-eval'",
  // The processor's threads begin as blobs.
  'worker-src': "'self' blob:",
  // Radix and the charts set styles on elements.
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data: blob:",
  'font-src': "'self' data:",
  // Models come from wherever the person says: the Hub, its storage, any address.
  'connect-src': "'self' https: http: data: blob:",
  'object-src': "'none'",
  'base-uri': "'none'",
  'form-action': "'none'",
};

const join = (/** @type {Record<string, string>} */ all) =>
  Object.entries(all)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');

/** For `<meta http-equiv>`, which knows no `frame-ancestors`. */
export const metaPolicy = join(directives);

/** Of scripts that run as workers, which have a policy of their own: the processor's threads load their code as a blob. */
export const workerPolicy = join({ ...directives, 'script-src': `${directives['script-src']} blob:` });

/** Headers of every answer. */
export const securityHeaders = {
  'Content-Security-Policy': join({ ...directives, 'frame-ancestors': "'none'" }),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Permissions-Policy':
    'camera=(), microphone=(), geolocation=(), display-capture=(), payment=(), usb=(), serial=(), hid=(), midi=()',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Cross-origin isolation: with these two a page may share memory between its workers. */
export const isolationHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
