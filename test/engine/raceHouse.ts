/**
 * @file A studio for races: two tiny models, small data, a run kept from a visit before, and a platform whose answers
 * take a number of turns of the event loop that a seed decides.
 */
import 'fake-indexeddb/auto';
import { openData } from '../../app/data/open';
import { createRandom } from '../../app/formats/random';
import { memoryFile } from '../../app/model/source';
import type { CheckpointStore } from '../../app/training/checkpoint';
import { openCheckpointStore } from '../../app/training/checkpointStore';
import type { Checkpoint } from '../../app/training/types';
import { openDatasetStore, type StoredDataset } from '../../app/workers/datasetStore';
import type { House } from '../../app/workers/house';
import type { Platform } from '../../app/workers/platform';
import type { ModelOrigin, RunSettings, StudioEvent } from '../../app/workers/protocol';
import { StudioService } from '../../app/workers/studio';
import type { Turns } from '../../app/workers/turns';
import { llamaFiles, wholeFile } from '../hub/model';

export type ModelName = 'small' | 'other';
const SLOWEST = 4;

const models: Record<ModelName, Map<string, Uint8Array>> = {
  small: bytesOf(llamaFiles({ vocab: 270, hidden: 64, layers: 1, mlp: 16 })),
  other: bytesOf(llamaFiles({ vocab: 330, hidden: 64, layers: 1, mlp: 16 })),
};

function bytesOf(files: ReturnType<typeof llamaFiles>): Map<string, Uint8Array> {
  return new Map([...files].map(([name, file]) => [name, wholeFile(file)]));
}

export const origin = (id: ModelName): ModelOrigin => ({ kind: 'url', url: `memory:${id}`, id });

const table = (words: string[]) =>
  `input,target\n${words.map((word, i) => `${word},${i % 2 ? 'y' : 'n'}`).join('\n')}\n`;

/** Datasets by name; `films` is the one that the kept run was made with. */
export const texts = {
  films: table(['first', 'second', 'third', 'fourth', 'fifth', 'sixth']),
  books: table(['long', 'short', 'thick', 'thin', 'old', 'new']),
  songs: table(['loud', 'soft', 'fast', 'slow', 'sad', 'gay']),
};
export type DataName = keyof typeof texts;

/** Long enough that it never ends by itself. */
export const settings: RunSettings = {
  search: 'none',
  method: 'prompt',
  virtualTokens: 2,
  initialiser: 'random',
  initText: '',
  before: '',
  after: '',
  learningRate: 0.01,
  steps: 100_000,
  batchSize: 1,
  seed: 1,
  warmupSteps: 0,
  schedule: 'constant',
  clipNorm: 1,
  weightDecay: 0,
  validateEvery: 100_000,
  validationRows: 1,
  noise: 0,
  shots: 0,
  patience: 0,
  minutes: 0,
  instructions: [],
};

/** What a visit before has left. */
export interface Kept {
  checkpoint: Checkpoint;
  dataset: StoredDataset;
}

let names = 0;

/** One visit: a studio, its events, and a hand on how slow the machine is. */
export class RaceHouse {
  readonly events: StudioEvent[] = [];
  readonly studio: StudioService;
  /** What is kept of runs. */
  runStore: CheckpointStore | null = null;
  private pending = 0;
  private readonly random;

  private constructor(seed: number, kept: Kept | null) {
    this.random = createRandom(seed);
    const name = `races-${++names}`;
    this.studio = new StudioService(this.platform(name, kept));
  }

  static async open(seed: number, kept: Kept | null = null): Promise<RaceHouse> {
    const house = new RaceHouse(seed, kept);
    await house.studio.open('memory:/', (event) => house.events.push(event));
    const { data, runs, prompts } = house.inside;
    house.drag(data, 'prepare');
    house.drag(runs, 'create', 'restore', 'clear');
    house.drag(prompts, 'held');
    return house;
  }

  /** The inside, where a test looks. */
  get inside(): House {
    const { opened } = this.studio as unknown as { opened: House | null };
    if (!opened) throw new Error('The studio is not open.');
    return opened;
  }

  private get turns(): Turns {
    return (this.studio as unknown as { turns: Turns }).turns;
  }

  file(name: DataName): File {
    const { later } = this;
    return new (class extends File {
      override arrayBuffer() {
        return later(super.arrayBuffer());
      }
    })([texts[name]], `${name}.csv`);
  }

  promptFile(bytes: Uint8Array<ArrayBuffer>): File {
    const { later } = this;
    return new (class extends File {
      override arrayBuffer() {
        return later(super.arrayBuffer());
      }
    })([bytes], 'prompt.json');
  }

  /** Resolves once nothing moves but a run that goes on: a command that has not answered then waits for something. */
  async still(): Promise<void> {
    const { models } = this.inside;
    for (let quiet = 0; quiet < 4; ) {
      await this.turns.take(() => undefined);
      await turn();
      quiet = this.pending === 0 && !models.loading ? quiet + 1 : 0;
    }
  }

  /** Ends what goes on, so that nothing outlives the test. */
  async close(): Promise<void> {
    const { generation, runs, models } = this.inside;
    await generation.cancel();
    await this.studio.cancelOpening();
    await this.studio.cancelImport();
    await this.still();
    await runs.clear();
    models.current?.engine.dispose();
  }

  /** The answer comes some turns after it is there. */
  readonly later = async <T>(answer: Promise<T>): Promise<T> => {
    this.pending += 1;
    // A failure is heard when the answer is.
    answer.catch(() => undefined);
    try {
      for (let left = this.random.int(SLOWEST + 1); left > 0; left--) await turn();
      return await answer;
    } finally {
      this.pending -= 1;
    }
  };

  /** Makes what a slow machine is slow at take some turns before and after: others could come between. */
  private drag<Part extends object>(part: Part, ...names: (keyof Part & string)[]): void {
    for (const name of names) {
      const work = part[name] as (...args: unknown[]) => Promise<unknown>;
      const dragged = async (...args: unknown[]) => {
        await this.later(Promise.resolve());
        return this.later(work.apply(part, args));
      };
      Object.assign(part, { [name]: dragged });
    }
  }

  private platform(name: string, kept: Kept | null): Platform {
    const { later } = this;
    const slow = <Store extends object>(store: Store): Store =>
      new Proxy(store, {
        get(target, key) {
          const member: unknown = Reflect.get(target, key);
          if (typeof member !== 'function') return member;
          return (...args: unknown[]) => later(Promise.resolve(member.apply(target, args)));
        },
      });
    return {
      startDevice: async () => ({
        backend: 'wasm',
        name: 'Node',
        software: false,
        threads: 1,
        reason: null,
        largestBuffer: null,
      }),
      folder: (url) => {
        const files = models[url.replace('memory:', '') as ModelName] ?? new Map<string, Uint8Array>();
        return {
          location: url,
          names: null,
          open: (file) => {
            const bytes = files.get(file);
            return later(Promise.resolve(bytes ? memoryFile(bytes) : null));
          },
          close: async () => undefined,
        };
      },
      hub: () => 'https://hub.invalid',
      openFileStore: async () => null,
      openData: (files, options) => later(openData(files, options)),
      fetchBytes: (url) => later(Promise.resolve(new TextEncoder().encode(sampleFile(url)))),
      openRunStore: async () => {
        const store = await openCheckpointStore({ name: `${name}-runs` });
        if (kept) await store.save(kept.checkpoint);
        this.runStore = store;
        return slow(store);
      },
      openDatasetStore: async () => {
        const store = await openDatasetStore(`${name}-data`);
        if (kept) {
          await store.save(kept.checkpoint.runId, kept.dataset);
          await store.save('in-use', kept.dataset);
        }
        return slow(store);
      },
    };
  }
}

function sampleFile(url: string): string {
  if (!url.endsWith('index.json')) return texts.songs;
  const sample = { id: 'songs', title: 'Songs', description: '', task: 'class', instruction: '' };
  return JSON.stringify([{ ...sample, train: 'train.csv', validation: 'validation.csv' }]);
}

/** A turn of the event loop, after messages and timers that are due. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
