/** @file Which files are GGUF, by their names. */

export function isGguf(path: string): boolean {
  return /\.gguf$/i.test(path);
}
