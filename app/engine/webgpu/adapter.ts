/** @file What kind of adapter a device is of: browsers differ in where they say it, and older ones do not say it at all. */

/** What an adapter calls itself, as far as it is known. */
export type AdapterNames = Pick<GPUAdapterInfo, 'vendor' | 'architecture' | 'device' | 'description'> & {
  isFallbackAdapter?: boolean;
};

const ofDevices = new WeakMap<GPUDevice, AdapterNames>();

/** Before Chrome 127 an adapter is asked; later it says so by itself. */
type AnyAdapter = GPUAdapter & { info?: GPUAdapterInfo; requestAdapterInfo?(): Promise<GPUAdapterInfo> };

/** What the adapter calls itself; empty names where it does not say. Never throws. */
export async function askAdapter(adapter: GPUAdapter): Promise<AdapterNames> {
  const any: AnyAdapter = adapter;
  const told = any.info ?? (await any.requestAdapterInfo?.().catch(() => undefined));
  const { vendor = '', architecture = '', device = '', description = '' } = told ?? {};
  const fallback = told?.isFallbackAdapter ?? (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter;
  return { vendor, architecture, device, description, isFallbackAdapter: fallback === true };
}

/** Remembers what a device's adapter calls itself: devices say so only from Chrome 132 on. */
export function nameDevice(device: GPUDevice, names: AdapterNames): void {
  ofDevices.set(device, names);
}

/** What the device's adapter calls itself; null where nobody knows. */
export function adapterNames(device: GPUDevice): AdapterNames | null {
  return (device.adapterInfo as GPUAdapterInfo | undefined) ?? ofDevices.get(device) ?? null;
}

/** Whether an adapter is a program rather than a GPU: no timing is worth its seconds, and barriers are slow. */
export function isSoftware(info: AdapterNames | null | undefined): boolean {
  if (!info) return false;
  const name = `${info.architecture} ${info.device} ${info.description}`;
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|basic render/i.test(name);
}
