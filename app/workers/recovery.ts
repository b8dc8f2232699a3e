/**
 * @file The loss of the GPU, and its lack of memory: noticed, told, and answered by bringing device, model and run back
 * on a new device, or on the processor where no GPU is to be had.
 */
import { BackendError, type DeviceTrouble, presentDevice, watchDevice } from '../engine/backend';
import { quotedSaying } from '../formats/readable';
import { DeviceLostError, isWorded, StudioRequestError, toStudioError } from './errors';
import type { Backend, DeviceReport, ModelReport, StudioEvent } from './protocol';

/** Milliseconds before each request for a new device: after a crash of the GPU process there is none for a moment. */
const WAITS = [0, 250, 1000, 3000, 5000];
/** So many losses within so many milliseconds are no accident: what is being computed kills the device. */
const MOST_LOSSES = 3;
const WITHIN = 60_000;
/** Work may break on a lost device some milliseconds before the loss is told. */
const GRACE = 1000;

export interface RecoveryParts {
  startDevice(force?: Backend): Promise<DeviceReport>;
  /** Lets go of everything on the device, which answers no more. Must not wait for it. */
  abandon(trouble: DeviceTrouble): void;
  /** Whether what is to be brought back is small enough for the processor. */
  fitsProcessor(): boolean;
  /** Loads the model again on the device that has been started, and goes on with the run. */
  restore(device: DeviceReport): Promise<ModelReport | null>;
  /** Nothing can be brought back: keeps what there is of the run. */
  giveUp(error: Error): void;
  emit(event: StudioEvent): void;
}

export class Recovery {
  private gone: Error | null = null;
  private underWay: Promise<void> | null = null;
  private readonly losses: number[] = [];
  private device: GPUDevice | null = null;
  /** Rejects with the loss of the present device. */
  private loss = newLoss();

  constructor(
    private readonly parts: RecoveryParts,
    private readonly waits: readonly number[] = WAITS,
  ) {}

  /** Watches the device that tfjs runs on now, instead of the one before. */
  watch(): void {
    const device = presentDevice();
    this.device = device;
    this.loss = newLoss();
    if (device) watchDevice(device, (trouble) => this.befell(device, trouble));
  }

  /** Resolves when no recovery is under way. @throws the error that a hopeless one ended with. */
  async ready(): Promise<void> {
    while (this.underWay) await this.underWay;
    if (this.gone) throw this.gone;
  }

  /** Whether a device is being brought back. */
  get busy(): boolean {
    return this.underWay !== null;
  }

  /** Whether the device is lost; asked where work on it has just broken. */
  async isLost(): Promise<boolean> {
    const { device } = this;
    if (this.underWay || this.gone) return true;
    if (!device) return false;
    const lost = device.lost.then(() => true);
    return Promise.race([lost, wait(GRACE).then(() => this.device !== device)]);
  }

  /** Does work that needs the device, once there is one. @throws DeviceLostError as soon as the device is lost. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    await this.ready();
    const { promise } = this.loss;
    try {
      return await Promise.race([work(), promise]);
    } catch (error) {
      if (isWorded(error) || !(await this.isLost())) throw error;
      throw new DeviceLostError();
    }
  }

  /** As `guard`, and begins the work again on the new device; not where it is what the memory ran out for. */
  async repeat<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.guard(work);
      } catch (error) {
        if (!(error instanceof DeviceLostError) || error.kind === 'outOfMemory') throw error;
        await this.ready();
      }
    }
  }

  /**
   * Reads what is on the device, or what is left of it: where the device is lost meanwhile, which takes back what lived
   * on it, the work is done once more.
   */
  async outlast<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await Promise.race([work(), this.loss.promise]);
    } catch (error) {
      if (!(error instanceof DeviceLostError)) throw error;
      return work();
    }
  }

  private befell(device: GPUDevice, trouble: DeviceTrouble): void {
    if (device !== this.device || this.gone) return;
    this.device = null;
    this.loss.reject(new DeviceLostError(said(trouble), trouble.kind));
    // A loss in the middle of a recovery is its loop's to answer.
    this.underWay ??= this.recover(device, trouble).finally(() => {
      this.underWay = null;
    });
  }

  private async recover(first: GPUDevice, cause: DeviceTrouble): Promise<void> {
    const { parts } = this;
    parts.emit({ type: 'deviceLost', message: `${said(cause)} It is being brought back.` });
    let dead = first;
    let trouble = cause;
    for (;;) {
      parts.abandon(trouble);
      // What is left of a device that ran out of memory is in the way of the next.
      dead.destroy();
      if (trouble.kind === 'lost' && this.tooOften()) {
        const often = `The graphics device was lost ${MOST_LOSSES} times within a minute.`;
        return this.giveUp(
          new StudioRequestError(
            often,
            'Load the page again; use smaller texts or a smaller model if it happens again.',
          ),
        );
      }
      let fresh: GPUDevice | null = null;
      try {
        const report = await this.newDevice();
        this.watch();
        fresh = this.device;
        dead = fresh ?? dead;
        const model = await Promise.race([parts.restore(report), this.loss.promise]);
        parts.emit({ type: 'deviceRestored', device: report, model });
        return;
      } catch (error) {
        const lost =
          error instanceof DeviceLostError || (fresh && !isWorded(error) && (await this.fell(fresh)));
        if (!lost) return this.giveUp(error as Error);
        trouble = { kind: 'lost', message: error instanceof DeviceLostError ? error.message : '' };
      }
    }
  }

  /** Whether a device that work has just broken on is lost; it may be told a moment later. */
  private async fell(device: GPUDevice): Promise<boolean> {
    return Promise.race([device.lost.then(() => true), wait(GRACE).then(() => this.device !== device)]);
  }

  private tooOften(): boolean {
    const now = performance.now();
    this.losses.push(now);
    return this.losses.filter((at) => now - at < WITHIN).length >= MOST_LOSSES;
  }

  /** A new GPU device, or the processor. @throws the reason why neither is to be had. */
  private async newDevice(): Promise<DeviceReport> {
    let reason: unknown;
    for (const milliseconds of this.waits) {
      await wait(milliseconds);
      try {
        return await this.parts.startDevice('webgpu');
      } catch (error) {
        reason = error;
      }
    }
    const none = 'The graphics device was lost and no other was to be had';
    const why =
      reason instanceof BackendError ? `${none}. ${reason.message}` : `${none}${quotedSaying(reason)}.`;
    if (!this.parts.fitsProcessor()) {
      throw new StudioRequestError(
        `${why} The model is too large for the processor.`,
        'Load the page again, or restart the browser.',
      );
    }
    return { ...(await this.parts.startDevice('wasm')), reason: why };
  }

  private giveUp(error: Error): void {
    this.gone = error;
    this.device = null;
    this.parts.giveUp(error);
    this.parts.emit({ type: 'deviceGone', error: toStudioError(error, 'device') });
  }
}

/** What happened, in words. */
function said({ kind, message }: DeviceTrouble): string {
  const what = kind === 'lost' ? 'The graphics device was lost' : 'The graphics memory ran out';
  return message.startsWith(what) ? message : `${what}${quotedSaying(message)}.`;
}

function newLoss(): { promise: Promise<never>; reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  // Most losses find nobody at work.
  promise.catch(() => undefined);
  return { promise, reject };
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
