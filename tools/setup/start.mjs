/** @file `npm start`: installs what is missing, builds the page when needed, serves it and prints the address. */
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, requireNode, root } from './project.mjs';
import { serve } from './serve.mjs';

requireNode();
await ensureInstalled();
await ensureBuilt();
const server = await serve({ folder: join(root, 'dist'), port: Number(process.env.PORT) || 4400 });
console.log(`\nSoft Prompt Studio: ${server.url}\n\nStop it with Ctrl+C.`);
