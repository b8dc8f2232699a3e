/** @file Where a place in a text lies among the text's tokens. */

/** A place in a text, as its tokens have it. */
export interface TokenPlace {
  /** Tokens that lie wholly before it. */
  count: number;
  /** Whether it cuts the one after those. */
  cut: boolean;
}

export interface PlacedIds {
  ids: number[];
  /** Of each place that was asked for. */
  before: TokenPlace[];
}

/**
 * The ids of a text, and how many of them the text up to each place begins with.
 * @param places UTF-16 positions.
 */
export function placeByPrefix(
  encode: (text: string) => number[],
  text: string,
  places: readonly number[],
): PlacedIds {
  const ids = encode(text);
  const before = places.map((place) =>
    place >= text.length
      ? { count: ids.length, cut: false }
      : placeInIds(ids, encode(text.slice(0, place)), 0),
  );
  return { ids, before };
}

/** How far a part's ids agree with those of the whole from the part's first on. */
export function placeInIds(ids: readonly number[], part: readonly number[], first: number): TokenPlace {
  const differs = part.findIndex((id, i) => ids[first + i] !== id);
  return differs < 0 ? { count: first + part.length, cut: false } : { count: first + differs, cut: true };
}
