/** @file The description of a dataset that the `datasets` library keeps in the metadata of its files. */

/** The features in `{"info": {"features": {…}}}`; undefined where there are none or they cannot be read. */
export function featuresOf(json: string | undefined): unknown {
  if (json === undefined) return undefined;
  try {
    return (JSON.parse(json) as { info?: { features?: unknown } } | null)?.info?.features;
  } catch {
    // Without it the class numbers stay as they are.
    return undefined;
  }
}
