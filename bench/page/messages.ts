/** @file What the benchmark's page and its worker say to each other. */
import type { ShapeName } from '../models';
import type { ProcessorReport } from '../processorReport';
import type { BenchReport, Progress } from '../report';
import type { Workload } from '../workload';

/** What a person chooses. */
export interface PageSettings {
  engine: 'webgpu' | 'wasm';
  /** Of the processor's engine; null for as many as the page takes. */
  threads: number | null;
  model: 'embedded' | ShapeName;
  workload: Workload;
  steps: number;
  /** Prompts in one step against a step for each; 0 leaves that out. */
  lanes: number;
  /** Plain tfjs too. */
  reference: boolean;
  /** Of the processor's engine: time its kernels one by one; a GPU's always are. */
  profile: boolean;
}

/** The page's one request; what the worker says until it has a report or has failed. */
export interface RunRequest {
  settings: PageSettings;
  /** Of the page: the embedded model lies below it. */
  baseUrl: string;
}

export type RunMessage =
  | { type: 'progress'; progress: Progress }
  | { type: 'report'; report: BenchReport | ProcessorReport }
  | { type: 'failed'; message: string };
