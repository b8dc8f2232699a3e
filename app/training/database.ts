/**
 * @file A connection to one of the browser's databases that outlives what may happen to it: an older page in another tab
 * that keeps a new version out, a newer page that asks this one to let go, a browser that clears its storage.
 */
import { type IDBPDatabase, type OpenDBCallbacks, openDB } from 'idb';
import { TrainingError } from './errors';

export interface DatabaseOptions<Schema> {
  name: string;
  version: number;
  upgrade: NonNullable<OpenDBCallbacks<Schema>['upgrade']>;
  /** What is kept there, for the words of an error: “Saved runs”. */
  holds: string;
}

/** Why there is no database at the moment. `blocked` may pass. */
type Hindrance = 'blocked' | 'superseded';

export class Database<Schema> {
  private opening: Promise<IDBPDatabase<Schema>> | null = null;
  private hindrance: Hindrance | null = null;
  /** Called when what was refused is open now, or what was open is not any more. */
  onChange: () => void = () => undefined;

  private constructor(private readonly options: DatabaseOptions<Schema>) {}

  /**
   * Opens the database, and makes it where there is none. Where tabs of this page's older or newer versions are in the
   * way it does not wait: `get` says so, and `onChange` when that is over.
   * @throws what IndexedDB throws where it is not to be had.
   */
  static async open<Schema>(options: DatabaseOptions<Schema>): Promise<Database<Schema>> {
    const database = new Database(options);
    await database.get().catch((error) => {
      if (!(error instanceof TrainingError)) throw error;
    });
    return database;
  }

  /** The open connection. @throws TrainingError in words where another version of the page is in the way */
  async get(): Promise<IDBPDatabase<Schema>> {
    if (this.hindrance) throw this.refusal(this.hindrance);
    this.opening ??= this.connect();
    try {
      return await this.opening;
    } catch (error) {
      // What failed once, such as a full disk, may succeed the next time; what is blocked is still on its way.
      if (!this.hindrance) this.opening = null;
      throw error;
    }
  }

  private connect(): Promise<IDBPDatabase<Schema>> {
    const { name, version, upgrade } = this.options;
    return new Promise((resolve, reject) => {
      const connection = openDB<Schema>(name, version, {
        upgrade,
        blocked: () => {
          this.hindrance = 'blocked';
          reject(this.refusal('blocked'));
        },
        blocking: (_current, newer, event) => {
          // Transactions that have begun end well; the newer page waits for them and not for this tab.
          (event.target as IDBDatabase).close();
          this.opening = null;
          // Deleted, it is made anew when it is next asked for.
          if (newer === null) return;
          this.hindrance = 'superseded';
          this.onChange();
        },
        terminated: () => {
          this.opening = null;
        },
      });
      connection.then(
        (database) => {
          resolve(database);
          if (this.hindrance !== 'blocked') return;
          this.hindrance = null;
          this.opening = Promise.resolve(database);
          this.onChange();
        },
        (error) => {
          const newer = error instanceof DOMException && error.name === 'VersionError';
          if (newer) this.hindrance = 'superseded';
          else if (this.hindrance === 'blocked') {
            this.hindrance = null;
            this.opening = null;
          }
          reject(newer ? this.refusal('superseded') : error);
        },
      );
    });
  }

  private refusal(hindrance: Hindrance): TrainingError {
    const { holds } = this.options;
    return hindrance === 'blocked'
      ? new TrainingError(
          `${holds} cannot be read or written: another tab still shows an earlier version of this page.`,
          'Close that tab, or reload it. Everything else works meanwhile.',
        )
      : new TrainingError(
          `${holds} belong to a newer version of this page, which is open in another tab.`,
          'Download the prompt if you want to keep it, then reload this page.',
        );
  }
}
