/**
 * @file `npm run bench:bundle -- [FOLDER] [--with-node]`: a folder with the benchmark in it, for a machine with a GPU on
 * which nothing is installed. With Node in it too, compressed, where that machine has none.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import { buildKernels } from '../tools/wasm/build.mjs';
import { findVulkanLoader } from './vulkanLoader.mjs';

const { values, positionals } = parseArgs({
  options: { 'with-node': { type: 'boolean', default: false } },
  allowPositionals: true,
});
const root = resolve(import.meta.dirname, '..');
const folder = resolve(positionals[0] ?? join(root, 'dist-bench'));
const model = 'public/models/studio-2.6m';
const kernels = 'app/engine/wasm/built';
const ours = ['run.sh', 'app', 'bench', 'public', 'node_modules', 'lib', 'node.xz'];

const others = existsSync(folder) ? readdirSync(folder).filter((name) => !ours.includes(name)) : [];
if (others.length > 0) {
  console.error(`${folder} holds other files (${others[0]}): name a folder that is empty or not there yet.`);
  process.exit(2);
}
rmSync(folder, { recursive: true, force: true });

await build({
  configFile: false,
  root,
  logLevel: 'warn',
  publicDir: false,
  ssr: { noExternal: true, external: ['webgpu', 'vite', '@playwright/test', 'assemblyscript/asc'] },
  build: {
    ssr: 'bench/bench.ts',
    target: 'node20',
    outDir: join(folder, 'bench'),
    emptyOutDir: true,
    rolldownOptions: { output: { entryFileNames: 'main.mjs', chunkFileNames: '[name].mjs' } },
  },
});
// tfjs's Node platform calls `require`, which modules do not have.
writeFileSync(
  join(folder, 'bench', 'bench.mjs'),
  "import { createRequire } from 'node:module';\nglobalThis.require = createRequire(import.meta.url);\nawait import('./main.mjs');\n",
);
cpSync(join(root, 'bench', 'peer.py'), join(folder, 'bench', 'peer.py'));
await buildKernels();
cpSync(join(root, kernels), join(folder, kernels), { recursive: true });
for (const name of ['config.json', 'model.safetensors'])
  cpSync(join(root, model, name), join(folder, model, name));

const dawn = dirname(createRequire(import.meta.url).resolve('webgpu'));
const platform = `${process.platform}-${process.platform === 'darwin' ? 'universal' : process.arch}`;
for (const name of ['index.js', 'package.json', 'LICENSE.md', join('dist', platform)]) {
  cpSync(join(dawn, name), join(folder, 'node_modules', 'webgpu', name), { recursive: true });
}
// Machines with a GPU's driver often lack the loader by which Vulkan programs find it.
const loader = await findVulkanLoader();
if (loader) {
  mkdirSync(join(folder, 'lib'));
  cpSync(loader, join(folder, 'lib', 'libvulkan.so.1'), { dereference: true });
}
if (values['with-node']) {
  const packed = execFileSync('xz', ['-c', '-6', process.execPath], { maxBuffer: 2 ** 30 });
  writeFileSync(join(folder, 'node.xz'), packed);
}
const script = join(folder, 'run.sh');
writeFileSync(
  script,
  `#!/usr/bin/env bash
# The benchmark: ./run.sh --model smollm2-135m --batch 8 --length 128 --labels 32 --json result.json
# VK_DRIVER_FILES names the GPU's Vulkan driver (a .json file) where it is not found by itself.
set -euo pipefail
here="$(cd "$(dirname "\${BASH_SOURCE[0]}")" && pwd)"
node="\${NODE:-node}"
if [[ -f $here/node.xz ]] && ! command -v "$node" >/dev/null; then
  node="$(mktemp)"
  trap 'rm -f "$node"' EXIT
  xz -dc "$here/node.xz" >"$node" 2>/dev/null ||
    python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' "$here/node.xz" "$node"
  chmod +x "$node"
fi
export LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib"
"$node" "$here/bench/bench.mjs" "$@"
`,
);
chmodSync(script, 0o755);
console.log(`${folder}: carry it over and start run.sh there.`);
