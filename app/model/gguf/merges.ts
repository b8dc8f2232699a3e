/**
 * @file The merges that a SentencePiece vocabulary implies: every way to put a token together from two others, the best token's first. As
 * the `tokenizers` library's converters make them.
 */

/**
 * @param scores of tokens, by id; those of higher scores are merged first
 * @returns pairs in the order in which they apply
 */
export function mergesOf(tokens: readonly string[], scores: Float64Array): [string, string][] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const found: { left: string; right: string; score: number; lengths: [number, number]; order: number }[] =
    [];
  // A text that two ids have counts once, with the last one's score, in the first one's place.
  for (const [token, id] of ids) {
    const letters = [...token];
    if (letters.length < 2) continue;
    const pairs: { left: string; right: string; at: number; ids: [number, number] }[] = [];
    let length = 0;
    for (let at = 1; at < letters.length; at++) {
      length += letters[at - 1].length;
      const left = token.slice(0, length);
      const right = token.slice(length);
      const [first, second] = [ids.get(left), ids.get(right)];
      if (first !== undefined && second !== undefined) pairs.push({ left, right, at, ids: [first, second] });
    }
    pairs.sort((a, b) => a.ids[0] - b.ids[0] || a.ids[1] - b.ids[1]);
    for (const { left, right, at } of pairs) {
      const lengths: [number, number] = [at, letters.length - at];
      found.push({ left, right, score: scores[id], lengths, order: found.length });
    }
  }
  found.sort(
    (a, b) =>
      b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1] || a.order - b.order,
  );
  return found.map(({ left, right }) => [left, right]);
}
