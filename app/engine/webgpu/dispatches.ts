/** @file A recorded list of dispatches: kernels bound to buffers once, replayed with each step's counts. */
import type { Counts } from '../layout';
import type { Kernel } from './kernels/wgsl';
import type { Pipelines } from './pipelines';

export type Groups = [number, number, number];

interface Dispatch {
  label: string;
  pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
  groups: (counts: Counts) => Groups;
}

/** Records dispatches; with `pipelines` null it only remembers the kernels, for compiling them. */
export class Recorder {
  readonly kernels: Kernel[] = [];
  private current: DispatchList = new DispatchList();

  constructor(private readonly pipelines: Pipelines | null) {}

  /** What was recorded since the last call. */
  take(): DispatchList {
    const list = this.current;
    this.current = new DispatchList();
    return list;
  }

  /** Resources in the order of the kernel's bindings; `groups` says how many workgroups a step takes, 0 for none. */
  add(
    kernel: Kernel,
    resources: readonly (GPUBuffer | GPUBufferBinding)[],
    groups: (counts: Counts) => Groups,
  ): void {
    this.kernels.push(kernel);
    if (!this.pipelines) return;
    const bindings = resources.map((resource) => ('buffer' in resource ? resource : { buffer: resource }));
    this.current.push({
      label: kernel.label,
      pipeline: this.pipelines.get(kernel),
      bindGroup: this.pipelines.bind(kernel, bindings),
      groups,
    });
  }
}

export class DispatchList {
  private readonly dispatches: Dispatch[] = [];

  push(dispatch: Dispatch): void {
    this.dispatches.push(dispatch);
  }

  get length(): number {
    return this.dispatches.length;
  }

  /** Each dispatch in a pass of its own, which `timing` is asked to time; for profiling. */
  encodeTimed(
    encoder: GPUCommandEncoder,
    counts: Counts,
    timing: (label: string) => GPUComputePassTimestampWrites,
  ): void {
    for (const { label, pipeline, bindGroup, groups } of this.dispatches) {
      const [x, y, z] = groups(counts);
      if (x === 0 || y === 0 || z === 0) continue;
      const pass = encoder.beginComputePass({ timestampWrites: timing(label) });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(x, y, z);
      pass.end();
    }
  }

  encode(pass: GPUComputePassEncoder, counts: Counts): void {
    for (const { pipeline, bindGroup, groups } of this.dispatches) {
      const [x, y, z] = groups(counts);
      if (x === 0 || y === 0 || z === 0) continue;
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindGroup);
      pass.dispatchWorkgroups(x, y, z);
    }
  }
}
