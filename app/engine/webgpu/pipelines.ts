/** @file Compiled kernels of a device, one for each text of code; compiled while a model loads, so that no step waits. */
import type { Access, Kernel } from './kernels/wgsl';

const bindingTypes: Record<Access, GPUBufferBindingType> = {
  read: 'read-only-storage',
  write: 'storage',
  uniform: 'uniform',
};

const ofDevices = new WeakMap<GPUDevice, Pipelines>();

export class Pipelines {
  /** The pipelines of a device, shared by all engines on it. */
  static of(device: GPUDevice): Pipelines {
    let pipelines = ofDevices.get(device);
    if (!pipelines) {
      pipelines = new Pipelines(device);
      ofDevices.set(device, pipelines);
    }
    return pipelines;
  }

  private readonly compiled = new Map<string, GPUComputePipeline>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();

  private constructor(private readonly device: GPUDevice) {}

  /** Compiles what is not yet, all at once. @throws GPUPipelineError with the driver's message. */
  async prepare(kernels: Iterable<Kernel>): Promise<void> {
    const missing = new Map<string, Kernel>();
    for (const kernel of kernels) if (!this.compiled.has(kernel.code)) missing.set(kernel.code, kernel);
    await Promise.all(
      [...missing.values()].map(async (kernel) => {
        this.compiled.set(kernel.code, await this.device.createComputePipelineAsync(this.descriptor(kernel)));
      }),
    );
  }

  /** The pipeline of a kernel; compiled here and now where `prepare` has not. */
  get(kernel: Kernel): GPUComputePipeline {
    let pipeline = this.compiled.get(kernel.code);
    if (!pipeline) {
      pipeline = this.device.createComputePipeline(this.descriptor(kernel));
      this.compiled.set(kernel.code, pipeline);
    }
    return pipeline;
  }

  /** Resources in the order of the kernel's bindings. */
  bind(kernel: Kernel, resources: readonly GPUBufferBinding[]): GPUBindGroup {
    if (resources.length !== kernel.access.length) {
      throw new Error(
        `Kernel “${kernel.label}” has ${kernel.access.length} bindings; ${resources.length} resources were given.`,
      );
    }
    return this.device.createBindGroup({
      label: kernel.label,
      layout: this.layout(kernel.access),
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
  }

  private layout(access: readonly Access[]): GPUBindGroupLayout {
    const key = access.join();
    let layout = this.layouts.get(key);
    if (!layout) {
      layout = this.device.createBindGroupLayout({
        entries: access.map((one, binding) => ({
          binding,
          visibility: 0x4, // COMPUTE
          buffer: { type: bindingTypes[one] },
        })),
      });
      this.layouts.set(key, layout);
    }
    return layout;
  }

  private descriptor(kernel: Kernel): GPUComputePipelineDescriptor {
    return {
      label: kernel.label,
      layout: this.device.createPipelineLayout({ bindGroupLayouts: [this.layout(kernel.access)] }),
      compute: {
        module: this.device.createShaderModule({ label: kernel.label, code: kernel.code }),
        entryPoint: 'main',
      },
    };
  }
}
