/** @file `read model`: a folder or a zip as a model, its weights read and thrown away. */
import { filesSource } from '../../app/model/filesSource';
import { openModel } from '../../app/model/load';
import { errorLine, filesAt } from './files';
import type { Reading } from './reader';

/** Bytes of weights that are read whole; of larger ones only the headers, which say all of this line. */
const MOST_WEIGHTS = 384 * 2 ** 20;

export async function readModel(path: string): Promise<Reading> {
  try {
    return { path, ...(await describe(path)), error: null };
  } catch (error) {
    return { path, ...nothing, error: errorLine(error) };
  }
}

const nothing = {
  spec: null,
  dtype: null,
  parameters: null,
  chat: null,
  endOfTextId: null,
  stopIds: null,
  notes: [],
};

async function describe(path: string) {
  const source = await filesSource(await filesAt(path));
  try {
    const model = await openModel(source, { id: path });
    if (model.weightBytes <= MOST_WEIGHTS) await model.weights.deliver(async () => undefined);
    const { modelType, layers, hidden, vocabSize } = model.spec;
    return {
      spec: { modelType, layers: layers.length, hidden, vocabSize },
      dtype: model.dtype,
      parameters: model.parameters,
      chat: model.chat !== null,
      endOfTextId: model.tokenizer.endOfTextId,
      stopIds: model.tokenizer.stopIds,
      notes: model.notes,
    };
  } finally {
    await source.close();
  }
}
