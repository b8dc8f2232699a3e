/** @file `npm start`: installs what is missing, builds the page when needed, serves it and prints the address. */
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, requireNode, root } from './project.mjs';
import { serve } from './serve.mjs';

requireNode();
await ensureInstalled();
await ensureBuilt();
// Behind a proxy or a forwarded port the browser knows it by another name: HOST_NAMES=studio.example npm start
const names = (process.env.HOST_NAMES ?? '').split(',').filter(Boolean);
const server = await serve({ folder: join(root, 'dist'), port: Number(process.env.PORT) || 4400, names });
console.log(`\nSoft Prompt Studio: ${server.url}\n\nStop it with Ctrl+C.`);
