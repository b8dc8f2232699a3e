/** @file One load of a model: cancelled by the person, or broken off and begun again where the device is lost. */
import { StudioRequestError } from './errors';

/** A load from the moment it is asked for until it is over, through all its attempts. */
export class ModelLoad {
  private cancelled = false;
  private attempt: AbortController | null = null;
  private close: () => void = () => undefined;
  /** Resolves when the load has let go of everything. */
  readonly over = new Promise<void>((resolve) => {
    this.close = resolve;
  });

  /** @param before the load that this one takes the place of */
  constructor(readonly before: ModelLoad | null) {}

  cancel(): void {
    this.cancelled = true;
    this.attempt?.abort();
  }

  /** Ends the attempt that is being made; another may follow. */
  breakOff(): void {
    this.attempt?.abort();
  }

  /** The signal of another attempt. @throws StudioRequestError when cancelled */
  begin(): AbortSignal {
    this.check();
    this.attempt = new AbortController();
    return this.attempt.signal;
  }

  /** @throws StudioRequestError when cancelled */
  check(): void {
    if (this.cancelled) throw cancelledLoad();
  }

  end(): void {
    this.close();
  }
}

/** What a load ends with that the person did not want any more. */
export function cancelledLoad(): StudioRequestError {
  return new StudioRequestError('Loading was cancelled; the model before stays.');
}
