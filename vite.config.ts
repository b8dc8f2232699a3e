/** @file How the page is built: static files that work on any host under any path. */
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { leanStyles } from './tools/setup/leanStyles.mjs';
import { isolationHeaders, metaPolicy, securityHeaders } from './tools/setup/policy.mjs';
import { buildKernels } from './tools/wasm/build.mjs';

/** Zod makes its checks out of text where it may, and tries whether it may: the page's policy forbids it, so it need not try. */
function withoutEval(): Plugin {
  return {
    name: 'without-eval',
    transform: {
      filter: { id: /zod\/v4\/core\/core\.js$/ },
      handler(code) {
        const use = '__zod_globalConfig = {}';
        if (!code.includes(use)) this.error(`Expected “${use}”; has zod changed?`);
        return { code: code.replace(use, '__zod_globalConfig = { jitless: true }'), map: null };
      },
    },
  };
}

/** The policy inside the page, for hosts that send no headers. In development scripts are put into it as they change. */
function policyInPage(): Plugin {
  return {
    name: 'policy-in-page',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: metaPolicy },
        injectTo: 'head-prepend',
      },
    ],
  };
}

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

/** The processor's kernels, before anything refers to them. */
function kernels(): Plugin {
  return { name: 'kernels', buildStart: () => buildKernels() };
}

export default defineConfig({
  base: './',
  plugins: [kernels(), react(), withoutEval(), policyInPage(), leanStyles()],
  worker: { format: 'es', plugins: () => [selfContainedThreads(), withoutEval()] },
  build: {
    target: 'es2022',
    rolldownOptions: { input: { index: 'index.html', bench: 'bench.html' } },
    // A wasm or model file inlined as base64 would only grow, and the pages' styles are one file anyway.
    assetsInlineLimit: 0,
    // The benchmark's worker holds tfjs and all its backends.
    chunkSizeWarningLimit: 2500,
  },
  // Threads in the wasm backend need isolation; the built page works without it too.
  server: { headers: isolationHeaders },
  preview: { headers: { ...securityHeaders, ...isolationHeaders } },
});
