/** @file Lets a dropped file wait for the model whose tokenizer it needs. */

let loading: Promise<void> = Promise.resolve();

/** Remembers the load under way. */
export function modelLoading(load: Promise<void>): Promise<void> {
  loading = load;
  return load;
}

/** Resolves when nothing is loading any more, well or not: a load may have begun while another was waited for. */
export async function modelSettled(): Promise<void> {
  for (let waited = null; waited !== loading; ) {
    waited = loading;
    await waited;
  }
}
