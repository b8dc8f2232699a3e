/** @file A Python with PEFT that holds one model and is given messages one after another: peft_cells.py says which. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

const script = join(import.meta.dirname, 'peft_cells.py');

/** Close it. */
export class PythonPeer {
  private readonly answers: AsyncIterator<string>;
  private readonly lines: Interface;

  /** Of Python, PyTorch, transformers and PEFT. */
  versions: Record<string, string> = {};

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.lines = createInterface(child.stdout);
    this.answers = this.lines[Symbol.asyncIterator]();
  }

  /** @throws Error with what Python said */
  static async open(python: string, folder: string): Promise<PythonPeer> {
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'pipe'] });
    // That it failed is told by the answer that does not come.
    child.stdin.on('error', () => undefined);
    child.on('error', () => undefined);
    const peer = new PythonPeer(child);
    const { versions } = await peer.ask<Pick<PythonPeer, 'versions'>>({ kind: 'open', folder });
    peer.versions = versions;
    return peer;
  }

  /** @throws Error with what Python said */
  async ask<Answer>(message: object): Promise<Answer> {
    let complaints = '';
    const listen = (text: Buffer) => {
      complaints += text;
    };
    this.child.stderr.on('data', listen);
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
    const { value, done } = await this.answers.next();
    this.child.stderr.off('data', listen);
    if (done) throw new Error(`PEFT’s Python has ended. ${complaints.trim()}`.trim());
    return JSON.parse(value) as Answer;
  }

  close(): void {
    this.child.stdin.end();
    this.lines.close();
  }
}
