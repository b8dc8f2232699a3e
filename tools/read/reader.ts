/** @file The process that reads for `read.mjs`: one path at a time, through the modules that the page uses. */
import { readChat } from './chat';
import { readData } from './data';
import { readModel } from './model';
import { readPrompt } from './prompt';
import { readTokenizer } from './tokenizer';

export interface ReadError {
  message: string;
  hint: string | null;
}

/** What is read of a path; `error` null where all went well. Never throws for what a file holds. */
export type Reading = { path: string; error: ReadError | null } & Record<string, unknown>;

const readers: Record<string, (path: string) => Promise<Reading>> = {
  data: readData,
  model: readModel,
  tokenizer: readTokenizer,
  prompt: readPrompt,
  chat: readChat,
};

const tell = (message: object) => process.send?.(message);
// The process lives until the one that asks ends it.
await new Promise<void>((resolve) => {
  process.on('message', ({ kind, path }: { kind: string; path: string }) => {
    readers[kind](path).then(tell, (error: unknown) => {
      console.error(error);
      tell({
        path,
        error: { message: 'This tool broke while reading it.', hint: 'Please report the file.' },
      });
    });
  });
  process.on('disconnect', resolve);
  tell({});
});
