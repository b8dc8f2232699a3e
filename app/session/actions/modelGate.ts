/** @file Lets a dropped file wait for the model whose tokenizer it needs. */

let loading: Promise<void> = Promise.resolve();

/** Remembers the load under way. */
export function modelLoading(load: Promise<void>): Promise<void> {
  loading = load;
  return load;
}

/** Resolves when the load under way is over, well or not. */
export function modelSettled(): Promise<void> {
  return loading;
}
