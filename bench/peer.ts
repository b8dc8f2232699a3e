/** @file The same step in PEFT, by a Python that has it: `peer.py` does the timing. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { ModelSpec } from '../app/engine/spec';
import type { Spread } from './measure';
import type { ProcessorReport } from './processorReport';
import type { BenchReport } from './report';
import { makeBatch, promptTokens, type Workload } from './workload';

export interface PeerReport {
  name: 'peft';
  device: string;
  deviceName: string;
  /** Of the processor; null on a GPU. */
  threads: number | null;
  dtype: string;
  attention: string;
  versions: Record<string, string>;
  /** Loss and gradient, as the engines are timed. */
  milliseconds: Spread;
  /** The optimizer's update too. */
  millisecondsWithAdamW: Spread;
  steps: number;
  warmup: number;
  /** Of the first step, before any update. */
  loss: number;
  peakBytes: number | null;
}

/** A comparison says what was compared with what: often not the same hardware. */
export interface PeerComparison {
  peer: PeerReport;
  comparison: string;
  /** How many times faster than PEFT the engine is, by medians; below 1 it is slower. */
  peerRatio: number;
  /** Null where the weights are random, for they are not the same ones. */
  peerLossDifference: number | null;
}

export class PeerError extends Error {
  override name = 'PeerError';
}

export interface PeerJob {
  python: string;
  /** A folder of weights, or null for random ones in the specification's shapes. */
  folder: string | null;
  spec: ModelSpec;
  workload: Workload;
  steps: number;
  /** `float32` or `bfloat16`; by default bfloat16 on CUDA and float32 on a processor. */
  dtype: string | null;
}

const script = join(import.meta.dirname, 'peer.py');

/** @throws PeerError naming what that Python lacks. */
export async function checkPeer(python: string): Promise<void> {
  await runPython(python, ['--check'], '');
}

/** @throws PeerError with what Python said. */
export async function runPeer(job: PeerJob): Promise<PeerReport> {
  const { folder, spec, workload, steps, dtype } = job;
  const { tokenIds } = makeBatch(spec.vocabSize, workload);
  const texts = Array.from({ length: workload.batch }, (_, i) =>
    Array.from(tokenIds.subarray(i * workload.length, (i + 1) * workload.length)),
  );
  const output = await runPython(
    job.python,
    [],
    JSON.stringify({
      folder,
      config: folder ? null : peerConfig(spec),
      tokenIds: texts,
      labels: workload.labels,
      promptIds: Array.from(promptTokens(spec.vocabSize, workload)),
      steps,
      warmup: 10,
      dtype,
    }),
  );
  return { name: 'peft', ...JSON.parse(output) };
}

export function comparePeer(
  report: BenchReport | ProcessorReport,
  peer: PeerReport,
  sameWeights: boolean,
): PeerComparison {
  const where = peer.device === 'cuda' ? peer.deviceName : `the processor, ${peer.threads} threads`;
  const [ours, words] =
    'engine' in report
      ? [report.wasm, `the processor’s engine, threads: ${report.threads}, ${report.simd} SIMD`]
      : [report.webgpu, `the fused engine on ${adapterWords(report)}`];
  return {
    peer,
    comparison: `PEFT on ${where}, ${peer.dtype}, against ${words}`,
    peerRatio: peer.milliseconds.median / ours.milliseconds.median,
    peerLossDifference: sameWeights ? Math.abs(peer.loss - ours.loss) : null,
  };
}

function adapterWords({ adapter }: BenchReport): string {
  const name = adapter.description || adapter.device || adapter.architecture;
  return `${name}${adapter.software ? ', a software adapter' : ''}`;
}

/** The specification as transformers names it; of the families whose shapes `models.ts` knows. */
export function peerConfig(spec: ModelSpec): { type: string; arguments: Record<string, unknown> } {
  const tied = { tie_word_embeddings: spec.tiedHead };
  if (spec.modelType === 'gpt2') {
    return {
      type: 'gpt2',
      arguments: {
        vocab_size: spec.vocabSize,
        n_embd: spec.hidden,
        n_head: spec.heads,
        n_layer: spec.layers.length,
        n_inner: spec.mlpWidth,
        n_positions: spec.contextLength,
        layer_norm_epsilon: spec.norm.epsilon,
        ...tied,
      },
    };
  }
  return {
    type: spec.modelType,
    arguments: {
      vocab_size: spec.vocabSize,
      hidden_size: spec.hidden,
      num_attention_heads: spec.heads,
      num_key_value_heads: spec.kvHeads,
      head_dim: spec.headDim,
      num_hidden_layers: spec.layers.length,
      intermediate_size: spec.mlpWidth,
      max_position_embeddings: spec.contextLength,
      rms_norm_eps: spec.norm.epsilon,
      ...tied,
    },
  };
}

function runPython(python: string, args: string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(python, [script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    let complaints = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      complaints += text;
      if (args.length === 0) process.stderr.write(text);
    });
    child.on('error', (error) =>
      reject(new PeerError(`“${python}” could not be started (${error.message}); name one with --python.`)),
    );
    child.on('close', (code) => {
      if (code === 0) resolve(output.trim().split('\n').at(-1) ?? '');
      else reject(new PeerError(complaints.trim() || `${python} ended with code ${code}.`));
    });
    // A Python that ends early closes its end: that it failed is said by its code.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
