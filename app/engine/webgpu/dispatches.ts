/** @file A recorded list of dispatches: kernels bound to buffers once, replayed with each step's counts, folded to the device's limit. */
import type { Counts } from '../layout';
import type { Kernel } from './kernels/wgsl';
import { foldGroups, type Grid, type Groups } from './limits';
import type { Pipelines } from './pipelines';

interface Dispatch {
  label: string;
  grid: Grid;
  pipeline: GPUComputePipeline;
  bindGroup: GPUBindGroup;
  groups: (counts: Counts) => Groups;
}

/** Records dispatches; with `pipelines` null it only remembers the kernels, for compiling them. */
export class Recorder {
  readonly kernels: Kernel[] = [];
  private current: DispatchList;

  /** @param mostGroups that the device allows along a dimension, or less */
  constructor(
    private readonly pipelines: Pipelines | null,
    private readonly mostGroups: number,
  ) {
    this.current = new DispatchList(mostGroups);
  }

  /** What was recorded since the last call. */
  take(): DispatchList {
    const list = this.current;
    this.current = new DispatchList(this.mostGroups);
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
      grid: kernel.grid,
      pipeline: this.pipelines.get(kernel),
      bindGroup: this.pipelines.bind(kernel, bindings),
      groups,
    });
  }
}

export class DispatchList {
  private readonly dispatches: Dispatch[] = [];

  constructor(private readonly mostGroups: number) {}

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
    for (const dispatch of this.dispatches) {
      const groups = this.groupsOf(dispatch, counts);
      if (!groups) continue;
      const pass = encoder.beginComputePass({ timestampWrites: timing(dispatch.label) });
      encodeOne(pass, dispatch, groups);
      pass.end();
    }
  }

  /** @throws EngineMemoryError where the step is too large for the device's grids */
  encode(pass: GPUComputePassEncoder, counts: Counts): void {
    for (const dispatch of this.dispatches) {
      const groups = this.groupsOf(dispatch, counts);
      if (groups) encodeOne(pass, dispatch, groups);
    }
  }

  /** Whether a step of these counts can be encoded. @throws EngineMemoryError as `encode` */
  check(counts: Counts): void {
    for (const dispatch of this.dispatches) this.groupsOf(dispatch, counts);
  }

  /** What is dispatched; null for nothing. */
  private groupsOf({ groups, grid }: Dispatch, counts: Counts): Groups | null {
    const meant = groups(counts);
    return meant.includes(0) ? null : foldGroups(meant, grid, this.mostGroups);
  }
}

/** The only place where workgroups are dispatched: those of `groups` are folded already. */
function encodeOne(
  pass: GPUComputePassEncoder,
  { pipeline, bindGroup }: Pick<Dispatch, 'pipeline' | 'bindGroup'>,
  groups: Groups,
): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...groups);
}
