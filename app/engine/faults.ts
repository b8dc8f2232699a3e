/** @file What went wrong with work that an engine has submitted and does not wait for. */
import { EngineFaultError } from './errors';

export class Faults {
  private readonly pending = new Set<Promise<void>>();
  private first: { error: unknown } | null = null;
  private readonly hear = ({ error }: GPUUncapturedErrorEvent) => {
    // A lack of memory is the device's watchers' to answer: see `watchDevice`.
    if (error instanceof GPUOutOfMemoryError) return;
    this.note(new EngineFaultError(`The graphics device reports an error: ${error.message}`));
  };

  /** Errors of the device that nobody catches count too. */
  constructor(private readonly device: GPUDevice | null) {
    device?.addEventListener('uncapturederror', this.hear);
  }

  /** Takes note of what `accepted` rejects with. */
  watch(accepted: Promise<void>): void {
    const noted: Promise<void> = accepted
      .catch((error) => this.note(error))
      .finally(() => this.pending.delete(noted));
    this.pending.add(noted);
  }

  /** Resolves when everything that is watched now has been accepted. @throws the first fault since the last call, or since `forget` */
  async settled(): Promise<void> {
    await Promise.all(this.pending);
    const fault = this.first;
    this.first = null;
    if (fault) throw fault.error;
  }

  /** What went wrong so far is nobody's concern any more. */
  forget(): void {
    this.first = null;
  }

  dispose(): void {
    this.device?.removeEventListener('uncapturederror', this.hear);
  }

  private note(error: unknown): void {
    this.first ??= { error };
  }
}
