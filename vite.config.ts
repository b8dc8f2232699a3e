/** @file How the page is built: static files that work on any host under any path. */
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { leanStyles } from './tools/setup/leanStyles.mjs';

/** Cross-origin isolation, for threads in the wasm backend; the built page works without it too. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/**
 * tfjs starts its wasm threads from a function's source text. A minifier renames the one variable that this
 * function takes from outside, and every thread would end in a ReferenceError: take the variable out.
 */
function selfContainedThreads(): Plugin {
  return {
    name: 'self-contained-threads',
    transform: {
      filter: { id: /tfjs-backend-wasm-threaded-simd\.js$/ },
      handler(code) {
        const uses = ['typeof _scriptDir !== "undefined" && _scriptDir', '||_scriptDir,'];
        for (const use of uses) {
          if (!code.includes(use)) this.error(`Expected “${use}”; has tfjs-backend-wasm changed?`);
        }
        return { code: code.replace(uses[0], 'false').replace(uses[1], ','), map: null };
      },
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [react(), leanStyles()],
  worker: { format: 'es', plugins: () => [selfContainedThreads()] },
  build: {
    target: 'es2022',
    rolldownOptions: { input: { index: 'index.html', bench: 'bench.html' } },
    // A wasm or model file inlined as base64 would only grow, and the pages' styles are one file anyway.
    assetsInlineLimit: 0,
    // The worker holds tfjs and its three backends.
    chunkSizeWarningLimit: 2500,
  },
  server: { headers },
  preview: { headers },
});
