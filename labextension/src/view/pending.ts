/**
 * Deliveries on their way to the screen: taken in with the next animation frame, at most so many
 * milliseconds of work in each, and only then reported as done. So a hidden page, which has no
 * frames, takes nothing in and lets the server's window close, and a long history does not freeze
 * the page.
 */
import type { Delivery } from '../protocol/delivery';

const WORK_MS = 10;

export class Pending {
  private queue: Delivery[] = [];
  private frame = 0;
  private notBefore = 0;
  private dirty = false;

  /**
   * @param apply - takes one delivery in
   * @param draw - draws what was taken in; where it is slow, it is called less often
   */
  constructor(
    private readonly apply: (delivery: Delivery) => void,
    private readonly draw: () => void,
    signal: AbortSignal,
  ) {
    signal.addEventListener('abort', () => {
      cancelAnimationFrame(this.frame);
      this.queue = [];
      this.schedule = () => undefined;
    });
  }

  push(delivery: Delivery): void {
    this.queue.push(delivery);
    this.schedule();
  }

  /** Draw with the next frame. */
  redraw(): void {
    this.dirty = true;
    this.schedule();
  }

  private schedule = (): void => {
    if (this.frame === 0) this.frame = requestAnimationFrame(this.run);
  };

  private readonly run = (): void => {
    this.frame = 0;
    const start = performance.now();
    let taken = 0;
    while (taken < this.queue.length && (taken === 0 || performance.now() - start < WORK_MS)) {
      this.apply(this.queue[taken++]!);
      this.dirty = true;
    }
    const done = this.queue.splice(0, taken);
    if (this.dirty && performance.now() >= this.notBefore) this.drawNow();
    for (const delivery of done) if (delivery.kind === 'rows') delivery.done();
    if (this.dirty || this.queue.length > 0) this.schedule();
  };

  private drawNow(): void {
    this.dirty = false;
    const start = performance.now();
    this.draw();
    // A drawing that takes longer than a frame may take half of the page's time, not all of it.
    const cost = performance.now() - start;
    this.notBefore = cost > 16 ? start + 2 * cost : 0;
  }
}
