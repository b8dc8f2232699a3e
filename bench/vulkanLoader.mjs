/** @file Where this machine has the library by which programs find a Vulkan driver. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findChromium } from '../tools/setup/chromium.mjs';

const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];

/** The system's, else Chromium's own; null where there is none. */
export async function findVulkanLoader() {
  if (process.platform !== 'linux') return null;
  const chromium = await findChromium();
  const places = [...folders, ...(chromium ? [dirname(realpathSync(chromium)), '/usr/lib/chromium'] : [])];
  return places.map((folder) => join(folder, 'libvulkan.so.1')).find((file) => existsSync(file)) ?? null;
}
