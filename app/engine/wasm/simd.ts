/** @file Which instructions the kernels may use here, told by modules of one function that would be refused otherwise. */

/** Whether WebAssembly computes four numbers at a time: any browser since 2021, Safari since 16.4. */
export function hasSimd(): boolean {
  return accepts(pushZeros(1));
}

/** Whether multiply-add may be fused (relaxed SIMD). */
export function hasRelaxedSimd(): boolean {
  // f32x4.relaxed_madd
  return accepts([...pushZeros(3), 0xfd, 0x85, 0x02]);
}

/** i32.const 0, i32x4.splat, so many times. */
function pushZeros(count: number): number[] {
  return Array.from({ length: count }, () => [0x41, 0x00, 0xfd, 0x11]).flat();
}

/** Whether a module is valid whose one function consists of these instructions, which leave one value. */
function accepts(instructions: readonly number[]): boolean {
  const body = [0x00, ...instructions, 0x1a, 0x0b];
  const code = [0x01, body.length, ...body];
  return WebAssembly.validate(
    Uint8Array.of(
      ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
      ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
      ...[0x03, 0x02, 0x01, 0x00],
      ...[0x0a, code.length, ...code],
    ),
  );
}
