/** @file The house as docs/developing.md draws it: layers that point one way, no circles, and the things that have one place only. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../../tools/setup/project.mjs';

const app = join(root, 'app');
const files = readdirSync(app, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => join(app, name));
const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));

/** Files of the app that a file imports, types included. */
function importsOf(file: string): string[] {
  const found = (texts.get(file) ?? '').matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"?]+)['"]/g);
  return [...found].flatMap(([, path]) => {
    const base = resolve(dirname(file), path);
    const hit = [base, `${base}.ts`, `${base}.tsx`, join(base, 'index.ts')].find((one) => texts.has(one));
    return hit ? [hit] : [];
  });
}

const imports = new Map(files.map((file) => [file, importsOf(file)]));
const named = (file: string) => relative(app, file);
/** The folder of `app/` that a file is in; empty for those that begin the page. */
const layerOf = (file: string) => (named(file).includes('/') ? named(file).split('/')[0] : '');

/** Circles of imports: components of the graph in which every file reaches every other (Tarjan 1972). */
function circles(): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    index.set(file, index.size);
    low.set(file, index.get(file) as number);
    open.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!index.has(next)) visit(next);
      if (open.includes(next)) low.set(file, Math.min(low.get(file) as number, low.get(next) as number));
    }
    if (low.get(file) !== index.get(file)) return;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1) found.push(circle.map(named).sort());
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return found;
}

describe('the app’s files', () => {
  it('are all looked at', () => {
    expect(files.length).toBeGreaterThan(150);
    expect(statSync(app).isDirectory()).toBe(true);
    expect([...imports.values()].flat().length).toBeGreaterThan(files.length);
  });

  it('import each other in no circle', () => {
    expect(circles()).toEqual([]);
  });

  it('know of the app only what their layer may', () => {
    const forbidden = (from: string, to: string): boolean => {
      if (from === to) return false;
      // The engine and the formats stand alone; nobody below the worker knows the worker or the page.
      if (from === 'formats') return true;
      if (from === 'engine') return to !== 'formats';
      const page = ['', 'components', 'session'];
      if (!page.includes(from)) return page.includes(to) || (to === 'workers' && from !== 'workers');
      return from === 'session' && (to === 'components' || to === '');
    };
    const wrong = files.flatMap((file) =>
      (imports.get(file) ?? [])
        .filter((target) => forbidden(layerOf(file), layerOf(target)))
        .map((target) => `${named(file)} → ${named(target)}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('the WebGPU engine', () => {
  /** Files of the engine in which a text occurs. */
  const where = (text: string | RegExp) =>
    files
      .filter((file) => named(file).startsWith('engine/webgpu/'))
      .filter((file) =>
        typeof text === 'string' ? texts.get(file)?.includes(text) : text.test(texts.get(file) ?? ''),
      )
      .map(named);

  it('has one place that dispatches workgroups, which folds them, and one that writes entry points, which unfold them', () => {
    expect(where('.dispatchWorkgroups(')).toEqual(['engine/webgpu/dispatches.ts']);
    expect(where(/@compute|@builtin|@workgroup_size/)).toEqual(['engine/webgpu/kernels/wgsl.ts']);
  });

  it('submits in error scopes only, but for what is timed before there is an engine', () => {
    expect(where('.submit(').filter((file) => texts.get(join(app, file))?.includes('queue.submit('))).toEqual(
      ['engine/webgpu/submit.ts', 'engine/webgpu/tune.ts'],
    );
  });

  it('makes its buffers where they are counted and held to the device’s limits', () => {
    // Readbacks are copied into, never bound.
    expect(where('.createBuffer(')).toEqual([
      'engine/webgpu/memory.ts',
      'engine/webgpu/profile.ts',
      'engine/webgpu/steps.ts',
    ]);
  });
});
