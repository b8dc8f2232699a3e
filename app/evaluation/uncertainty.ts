/** @file Which rows a model is unsure of: those teach it most when a person says what is right. */

export interface ClassGuess {
  /** The likeliest class; of equals the first. */
  guess: number;
  /** Its probability among the classes. */
  probability: number;
  /** Shannon's entropy of the class probabilities as a part of its largest, 0 for sure to 1 for no idea. */
  uncertainty: number;
}

/** @param nats of every class's whole label, as `ClassScores` has them */
export function classGuess(nats: ArrayLike<number>): ClassGuess {
  let guess = 0;
  for (let c = 1; c < nats.length; c++) if (nats[c] < nats[guess]) guess = c;
  const weights = Float64Array.from(nats, (value) => Math.exp(nats[guess] - value));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let entropy = 0;
  for (const weight of weights) if (weight > 0) entropy -= (weight / total) * Math.log(weight / total);
  const most = Math.log(nats.length);
  return {
    guess,
    probability: 1 / total,
    uncertainty: most > 0 ? Math.min(1, Math.max(0, entropy / most)) : 0,
  };
}
