/** @file Counts the GPU buffers of a device, whoever makes them: the engine, tfjs, or the benchmark itself. */

export interface Meter {
  /** Buffers that live, and their bytes. */
  readonly buffers: number;
  readonly bytes: number;
  /** Most bytes that lived at one time since the last `resetPeak`. */
  readonly peakBytes: number;
  resetPeak(): void;
}

/** Counts from now on. Buffers that are dropped without `destroy` count as living: nothing here should do that. */
export function meterDevice(device: GPUDevice): Meter {
  const meter = { buffers: 0, bytes: 0, peakBytes: 0 };
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    const { size } = descriptor;
    const destroy = buffer.destroy.bind(buffer);
    let lives = true;
    buffer.destroy = () => {
      if (lives) {
        meter.buffers--;
        meter.bytes -= size;
      }
      lives = false;
      return destroy();
    };
    meter.buffers++;
    meter.bytes += size;
    meter.peakBytes = Math.max(meter.peakBytes, meter.bytes);
    return buffer;
  };
  return {
    get buffers() {
      return meter.buffers;
    },
    get bytes() {
      return meter.bytes;
    },
    get peakBytes() {
      return meter.peakBytes;
    },
    resetPeak() {
      meter.peakBytes = meter.bytes;
    },
  };
}
