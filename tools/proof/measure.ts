/** @file One cell after another: the model that the next one needs is opened, the one before let go, PEFT started when it is first asked for. */
import { PythonPeer } from '../study/peer';
import type { Work } from './carryOut';
import type { Cell, CellRecord } from './cells';
import { bestOf } from './compare';
import { folderOf, type ModelGround, openGround, openTask, type TaskGround } from './ground';
import { withLabels } from './instructions';
import type { Plan, Task } from './plan';
import { scoreTest, toldTest } from './score';
import { trainAuto, trainPeft } from './trained';

export interface Places {
  data: string;
  models: string;
  /** Null where PEFT is left out. */
  python: (() => Promise<string>) | null;
}

type Made = Awaited<ReturnType<Work['measure']>>;

/** Rows that words are tested with are those of the test; of the training rows they need none but for the labels. */
const WORDS_GIVEN = { perClass: 16, seed: 1 };

/** Close it. */
export class Measuring {
  private ground: ModelGround | null = null;
  private opened: { key: string; on: TaskGround } | null = null;
  private peer: { folder: string; python: PythonPeer } | null = null;

  constructor(
    private readonly plan: Plan,
    private readonly places: Places,
    private readonly say: (text: string) => void,
  ) {}

  async measure(cell: Cell, done: readonly CellRecord[]): Promise<Made> {
    if (cell.by === 'peft' && this.places.python === null) return null;
    const instruction = cell.by === 'shots' ? bestInstruction(cell, done, this.taskOf(cell)) : null;
    if (cell.by === 'shots' && instruction === null) return null;
    const ground = await this.open(cell.model);
    const on = await this.rows(ground, cell);
    const modelHash = ground.hash;
    switch (cell.by) {
      case 'words': {
        const words = wordsOf(on, cell.instruction);
        const texts = await toldTest(ground, on, words);
        const scores = await scoreTest(ground.engine, on, null, texts);
        return { scores, modelHash, ...(words !== '' && { instruction: words }) };
      }
      case 'shots': {
        const words = instruction ?? '';
        const texts = await toldTest(ground, on, words, { count: cell.shots, seed: cell.seed });
        return { scores: await scoreTest(ground.engine, on, null, texts), modelHash, instruction: words };
      }
      case 'auto':
        return { ...(await trainAuto(ground, on, cell)), modelHash };
      case 'peft': {
        const peer = await this.openPeer(ground.folder);
        return { ...(await trainPeft(ground, on, cell, peer)), modelHash };
      }
    }
  }

  close(): void {
    this.ground?.engine.dispose();
    this.ground = null;
    this.closePeer();
  }

  private async open(id: string): Promise<ModelGround> {
    if (this.ground?.id === id) return this.ground;
    this.close();
    this.opened = null;
    const model = this.plan.models.find((one) => one.id === id);
    if (!model) throw new Error(`The plan has no model “${id}”.`);
    this.say(`Opening ${id}.`);
    this.ground = await openGround(model, folderOf(model, this.places.models));
    return this.ground;
  }

  private async rows(ground: ModelGround, cell: Cell): Promise<TaskGround> {
    const task = this.taskOf(cell);
    const { perClass, seed } = cell.by === 'words' ? wordsGiven(this.plan, cell) : cell;
    const key = JSON.stringify([cell.model, cell.task, cell.testRows, perClass, seed]);
    if (this.opened?.key !== key) {
      const given = { perClass, seed, testRows: cell.testRows };
      this.opened = { key, on: await openTask(ground, task, this.places.data, given) };
    }
    return this.opened.on;
  }

  private taskOf({ task: id }: Cell): Task {
    const task = this.plan.tasks.find((one) => one.id === id);
    if (!task) throw new Error(`The plan has no task “${id}”.`);
    return task;
  }

  private async openPeer(folder: string): Promise<PythonPeer> {
    if (this.peer?.folder === folder) return this.peer.python;
    this.closePeer();
    const python = await PythonPeer.open((await this.places.python?.()) ?? 'python3', folder);
    const { peft, torch } = python.versions;
    this.say(`PEFT ${peft}, PyTorch ${torch}.`);
    this.peer = { folder, python };
    return python;
  }

  private closePeer(): void {
    this.peer?.python.close();
    this.peer = null;
  }
}

/** Any rows of the task that the plan trains on: the labels are the same. */
function wordsGiven({ cells }: Plan, { task }: Cell): { perClass: number; seed: number } {
  const found = cells.find((one) => one.by !== 'words' && one.task === task);
  return found && found.by !== 'words' ? found : WORDS_GIVEN;
}

function wordsOf({ task, data }: TaskGround, instruction: number): string {
  if (instruction === 0) return '';
  return withLabels(task.instructions[instruction - 1], data.classes ?? []);
}

/** The one that is right most often on the test rows: no choice of a person could be better. Null before all were tested. */
function bestInstruction(
  { model, task, testRows }: Cell,
  done: readonly CellRecord[],
  { instructions }: Task,
): string | null {
  const told = done.filter(
    ({ cell, instruction }) =>
      cell.by === 'words' &&
      instruction !== undefined &&
      cell.model === model &&
      cell.task === task &&
      cell.testRows === testRows,
  );
  if (told.length < instructions.length) return null;
  return bestOf(told.map((record) => ({ name: record.instruction ?? '', records: [record] })))?.name ?? null;
}
