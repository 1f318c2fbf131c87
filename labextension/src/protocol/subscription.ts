/**
 * What a viewer makes of the messages of one stream: rows to take, rows to drop, holes, breaks.
 *
 * The twin of `jupyter_sio/protocol/subscription.py`; both are held to
 * `tests/vectors/subscription`. It sees no payload, only how many rows each has.
 * Source: protocol.md §2, §5, §7.
 */
import type { Batch, Gap, Position, Reset, Subscribe, Subscribed, Why } from './messages';

/**
 * Rows `start … end-1`: what is left of `payloads[payload]` after its first `skip` rows.
 * `fresh`: they begin anew, so they replace what is held and are never spliced to it.
 */
export interface Rows {
  kind: 'rows';
  payload: number;
  start: number;
  end: number;
  skip: number;
  fresh: boolean;
}

/** Rows `start … end-1` will not come. */
export interface Missing {
  kind: 'gap';
  start: number;
  end: number;
  why: Why;
}

/** The stream goes on in `epoch`; unless `recovered`, what is held is to be replaced. */
export interface Begun {
  kind: 'begun';
  epoch: string;
  recovered: boolean;
}

/** Something is missing that nobody told of: send `request()` on the same connection. */
export interface AskAgain {
  kind: 'ask';
}

export type Outcome = Rows | Missing | Begun | AskAgain;

/**
 * One viewer's state of one stream; it outlives connections.
 *
 * Call `request` for what to send, then hand over the answer and every `$batch`, `$gap` and
 * `$reset` of its id in the order they came; each returns what to do, in order.
 *
 * Rules beside those written in protocol.md:
 *
 * - Messages between a repeated `request` and its answer belong to the old subscription and still
 *   count.
 * - Rows that begin above what was expected, with no gap told, break the protocol. They are not
 *   taken: the stream is asked for again from where it broke off. If that does not mend it, the
 *   hole is told as `evicted` and the rows are taken.
 * - A stream is first known by its answer, which is therefore no `Begun`, unless rows are held
 *   (`since`) that it does not follow. Every `$reset` is one.
 */
export class Subscription {
  id: number | null = null;
  media: string | null = null;
  /** The next row to take. */
  offset = 0;
  /** Answers and resets so far: an `$ack` is worth nothing beyond its own. */
  lives = 0;

  private epoch: string | null = null;
  private fresh = true;
  private asking = false;
  private askedAgain = false;

  constructor(private readonly wanted: Readonly<Subscribe>) {}

  get stream(): string {
    return this.wanted.stream;
  }

  /** Up to where rows are held; null before anything is known. */
  get position(): Position | null {
    return this.epoch === null ? (this.wanted.since ?? null) : [this.epoch, this.offset];
  }

  /** What to send, now or after a reconnect. */
  request(): Subscribe {
    this.asking = true;
    const since = this.position;
    return since ? { ...this.wanted, since } : { ...this.wanted };
  }

  /** No answer will come any more; the position stays. */
  disconnected(): void {
    this.id = null;
    this.asking = false;
    this.askedAgain = false;
  }

  answered(answer: Subscribed): Outcome[] {
    this.asking = false;
    this.id = answer.id;
    if (answer.waiting || answer.epoch === null) return [];
    const held = this.position !== null;
    this.media = answer.media;
    this.begin(answer.epoch, answer.start, answer.recovered);
    return held && !answer.recovered
      ? [{ kind: 'begun', epoch: answer.epoch, recovered: false }]
      : [];
  }

  reset(message: Reset): Outcome[] {
    this.media = message.media;
    this.begin(message.epoch, message.start, message.recovered);
    return [{ kind: 'begun', epoch: message.epoch, recovered: message.recovered }];
  }

  /** What lies below the expected row was already settled. */
  gap(message: Gap): Outcome[] {
    if (message.end <= this.offset && this.epoch !== null) return [];
    const mended = this.jump(message.start);
    if (!mended) return this.askAgain();
    const start = this.offset;
    this.offset = message.end;
    this.askedAgain = false;
    return [...mended, { kind: 'gap', start, end: message.end, why: message.why }];
  }

  /** One `Rows` for each payload that holds anything new. */
  batch(message: Batch): Outcome[] {
    const outcomes: Outcome[] = [];
    let start = message.offset;
    for (const [payload, rows] of message.counts.entries()) {
      const end = start + rows;
      if (end > this.offset || this.epoch === null) {
        const mended = this.jump(start);
        if (!mended) return [...outcomes, ...this.askAgain()];
        const { offset, fresh } = this;
        outcomes.push(...mended);
        outcomes.push({ kind: 'rows', payload, start: offset, end, skip: offset - start, fresh });
        this.offset = end;
        this.fresh = false;
        this.askedAgain = false;
      }
      start = end;
    }
    return outcomes;
  }

  private begin(epoch: string, start: number, recovered: boolean): void {
    this.lives++;
    if (recovered && epoch === this.epoch) {
      // Rows of the old subscription may have come after the request had left.
      this.offset = Math.max(this.offset, start);
      return;
    }
    this.epoch = epoch;
    this.offset = start;
    this.fresh = !recovered;
  }

  /** Go up to `start`: nothing to tell, or the hole; null where to ask again instead. */
  private jump(start: number): Missing[] | null {
    if (this.epoch === null) return null;
    if (start <= this.offset) return [];
    if (this.asking || !this.askedAgain) return null;
    const hole: Missing = { kind: 'gap', start: this.offset, end: start, why: 'evicted' };
    this.offset = start;
    return [hole];
  }

  private askAgain(): AskAgain[] {
    if (this.asking) return []; // the answer under way will mend it
    this.askedAgain = true;
    this.asking = true;
    return [{ kind: 'ask' }];
  }
}
