/** @file What kind of adapter a device is of. */

/** Whether an adapter is a program rather than a GPU: no timing is worth its seconds, and barriers are slow. */
export function isSoftware(info: GPUAdapterInfo | undefined): boolean {
  if (!info) return false;
  const name = `${info.architecture} ${info.device} ${info.description}`;
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|basic render/i.test(name);
}
