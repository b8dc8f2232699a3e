/** @file The list of models as it is offered: how each fits this device, and those that a search means. */
import type { CatalogueModel, WeightFormat } from '../workers/protocol';

/** Fits as it is stored, fits with 8-bit weights only, or not at all. */
export type Fit = 'stored' | 'int8' | 'none';

export interface Offer {
  model: CatalogueModel;
  fit: Fit;
  /** How its weights would be loaded. */
  format: WeightFormat;
  /** Bytes that training would take with weights in that format. */
  memory: number;
}

/**
 * What fits first, then what fits with 8-bit weights, then the rest; within these the worker's order.
 * @param int8 the same models with 8-bit weights; null where the device has none
 * @param preferInt8 load every model with 8-bit weights
 */
export function offers(
  stored: readonly CatalogueModel[],
  int8: readonly CatalogueModel[] | null,
  preferInt8: boolean,
): Offer[] {
  const small = new Map(int8?.map((model) => [keyOf(model), model]));
  const all = stored.map((model): Offer => {
    const smaller = small.get(keyOf(model));
    const fit: Fit = model.memory.fits ? 'stored' : smaller?.memory.fits ? 'int8' : 'none';
    const format = smaller && (preferInt8 || fit !== 'stored') ? 'int8' : 'stored';
    const { weights, training } = (format === 'int8' && smaller ? smaller : model).memory;
    return { model, fit, format, memory: weights + training };
  });
  const order: Fit[] = ['stored', 'int8', 'none'];
  return all.sort((a, b) => order.indexOf(a.fit) - order.indexOf(b.fit));
}

/** Offers that have every word of the search somewhere in what is said about them. */
export function search(list: readonly Offer[], text: string): Offer[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return list.filter(({ model }) => {
    const { id, title, family, licence, kind, note, gated, stored } = model;
    const marks = [gated ? 'gated' : '', stored ? 'kept in this browser' : ''];
    const said = [id, title, family, licence, kind, note, ...marks].join(' ').toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

export function keyOf({ id, revision }: CatalogueModel): string {
  return `${id}@${revision}`;
}
