/**
 * @file Runs a TypeScript tool in Node: `node tools/run.mjs tools/golden/golden.ts ARGUMENTS…`.
 * Through Vite, because tfjs's modules are written for bundlers and Node cannot resolve them by itself.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createServer } from 'vite';

const [file, ...rest] = process.argv.slice(2);
process.argv.splice(1, process.argv.length - 1, resolve(file), ...rest);
// tfjs's Node platform calls `require`, which modules do not have.
globalThis.require = createRequire(import.meta.url);
const server = await createServer({
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, hmr: false, watch: null, ws: false },
  optimizeDeps: { noDiscovery: true },
  ssr: { noExternal: [/@tensorflow\/tfjs-core/, /@tensorflow\/tfjs-backend-(cpu|webgpu)/] },
});
try {
  await server.ssrLoadModule(resolve(file));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await server.close();
}
