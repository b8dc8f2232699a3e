/** @file How often Dawn's binding for Node asks its device for news. */

let gentle = false;

/**
 * From now on Dawn is asked for events every millisecond. By itself it asks without pause while anything is pending, which
 * keeps a core busy that a software GPU needs for its arithmetic; on a real GPU a millisecond would be felt, and the core is free.
 */
export function pollGently(): void {
  if (gentle) return;
  gentle = true;
  const immediately = globalThis.setImmediate;
  const later: typeof setImmediate = Object.assign(
    ((callback: (...given: unknown[]) => void, ...given: unknown[]) =>
      isNative(callback)
        ? setTimeout(callback, 1, ...given)
        : immediately(callback, ...given)) as unknown as typeof setImmediate,
    immediately,
  );
  globalThis.setImmediate = later;
}

/** The binding's own callback is compiled code, and nobody else's here is; a bound function only looks so. */
function isNative(callback: { name: string }): boolean {
  return (
    Function.prototype.toString.call(callback).includes('[native code]') &&
    !callback.name.startsWith('bound ')
  );
}
