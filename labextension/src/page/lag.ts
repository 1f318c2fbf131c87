/**
 * How far what is shown is behind the kernel. Its clock and ours may differ by anything: the
 * quickest rows seen so far are taken to have come at once.
 */

/** A lag that was measured so long ago says nothing any more. */
const STALE_MS = 3_000;

export class Lag {
  private quickest = Infinity;
  private newest = 0;
  private measuredAt = -Infinity;
  private readonly expected = new Map<string, number>();
  private readonly reached = new Map<string, number>();

  /** The stream had rows up to `next` when it was asked for: those are history. */
  expect(stream: string, next: number): void {
    this.expected.set(stream, next);
    this.reached.delete(stream);
  }

  /** Rows up to `end` came, which left the publisher at `time` by its clock; all in ms. */
  came(stream: string, end: number, time: number, now: number): void {
    this.settled(stream, end);
    if (end <= (this.expected.get(stream) ?? 0)) return;
    const delay = now - time;
    this.quickest = Math.min(this.quickest, delay);
    this.newest = delay - this.quickest;
    this.measuredAt = now;
  }

  /** Rows up to `end` came, or will not come. */
  settled(stream: string, end: number): void {
    this.reached.set(stream, end);
  }

  /** Rows of the history that are still to come. */
  get behind(): number {
    let rows = 0;
    for (const [stream, end] of this.reached) {
      rows += Math.max(0, (this.expected.get(stream) ?? 0) - end);
    }
    return rows;
  }

  /** In ms; null while no rows come. */
  at(now: number): number | null {
    return now - this.measuredAt > STALE_MS ? null : this.newest;
  }
}

/** Put a lag into words; empty where it is unknown. */
export function tellLag(lag: Lag, now: number): string {
  const { behind } = lag;
  if (behind > 0) return `catching up: ${behind.toLocaleString()} to come`;
  const ms = lag.at(now);
  if (ms === null) return '';
  if (ms < 100) return 'lag < 0.1 s';
  return `lag ${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0)} s`;
}
