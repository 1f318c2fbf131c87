/**
 * One stream's subscription over all the sockets there will be: asks, decodes, acknowledges.
 * Source: protocol.md §5, §7.
 */
import type { Delivery } from './protocol/delivery';
import {
  type Batch,
  Code,
  type Position,
  readSubscribed,
  Refused,
  type Subscribe,
} from './protocol/messages';
import { readPayload } from './protocol/payload';
import { type Outcome, Subscription } from './protocol/subscription';
import type { SocketLike } from './world';

/** A running subscription. */
export interface Watch {
  readonly stream: string;
  /** Up to where rows were delivered; null before anything is known. */
  readonly position: Position | null;
  close(): void;
}

/** What a watch needs of its connection. */
export interface Link {
  /** The socket if it has joined, else null. */
  socket(): SocketLike | null;
  /** The connection has all the subscriptions it may have; says whether another will be tried. */
  crowded(): boolean;
  /** The server said what cannot be read. */
  broken(error: unknown): void;
  /** The watch is closed. */
  forget(): void;
  /** Whether the stream is watched (again). */
  isWatched(): boolean;
}

type WithoutStream<D> = D extends Delivery ? Omit<D, 'stream'> : never;
type Undirected = WithoutStream<Delivery>;

/** One stream's subscription over all the sockets there will be. */
export class StreamWatch implements Watch {
  private readonly state: Subscription;
  /** The rows below were said to be done. */
  private done = 0;
  private ackDue = false;
  private closed = false;

  constructor(
    private readonly wanted: Subscribe,
    private readonly view: (delivery: Delivery) => void,
    private readonly link: Link,
  ) {
    this.state = new Subscription(wanted);
  }

  get stream(): string {
    return this.wanted.stream;
  }

  get position(): Position | null {
    return this.state.position;
  }

  get id(): number | null {
    return this.state.id;
  }

  /** Send `$subscribe`, now or again. */
  ask(): void {
    const socket = this.link.socket();
    if (!socket) return;
    socket.emit('$subscribe', this.state.request(), (answer: unknown) => {
      if (socket === this.link.socket()) this.answered(answer);
    });
  }

  private answered(answer: unknown): void {
    try {
      const subscribed = readSubscribed(answer);
      this.take(state => state.answered(subscribed));
      if (this.closed) this.unsubscribe();
    } catch (error) {
      if (!(error instanceof Refused)) this.link.broken(error);
      else if (error.code === Code.TOO_MANY_SUBSCRIPTIONS && this.link.crowded()) return;
      else this.hand({ kind: 'refused', code: error.code, message: error.message });
    }
  }

  disconnected(): void {
    this.state.disconnected();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.link.forget();
    this.unsubscribe();
  }

  private unsubscribe(): void {
    // The id is the stream's: it may be another watch's by now.
    if (this.id === null || this.link.isWatched()) return;
    this.link.socket()?.emit('$unsubscribe', { id: this.id }, () => undefined);
  }

  /** Take in what only moves the state; a batch brings rows besides. */
  take(step: (state: Subscription) => Outcome[]): void {
    const before = this.state.lives;
    const outcomes = step(this.state);
    if (this.state.lives !== before) this.done = this.state.offset; // the rows below were delivered
    for (const outcome of outcomes) this.deliver(outcome, null);
  }

  batch(message: Batch): void {
    const outcomes = this.state.batch(message);
    for (const outcome of outcomes) this.deliver(outcome, message);
    // A payload that brought nothing new fills the window like any other.
    const taken = outcomes.filter(outcome => outcome.kind === 'rows').length;
    if (taken < message.counts.length) this.ackSoon();
  }

  private deliver(outcome: Outcome, batch: Batch | null): void {
    if (outcome.kind === 'ask') this.ask();
    else if (outcome.kind === 'rows') this.deliverRows(outcome, batch!);
    else this.hand(outcome);
  }

  private deliverRows(rows: Outcome & { kind: 'rows' }, batch: Batch): void {
    const { start, end, skip, fresh } = rows;
    const life = this.state.lives;
    const done = (): void => {
      if (life !== this.state.lives || this.closed) return;
      this.done = Math.max(this.done, end);
      this.ackSoon();
    };
    const payload = batch.payloads[rows.payload]!;
    let table;
    try {
      table = readPayload(this.state.media ?? '', payload);
      if (table.rows !== end - start + skip) throw new Error(`it holds ${table.rows} rows`);
    } catch (error) {
      console.warn(`jupyter_sio: rows from ${start} of '${this.stream}' are unreadable:`, error);
      this.hand({ kind: 'gap', start, end, why: 'unreadable' });
      done();
      return;
    }
    const { time } = batch;
    const bytes = payload.byteLength;
    this.hand({ kind: 'rows', table, skip, start, end, fresh, time, bytes, done });
  }

  /** What the view makes of it is the view's affair; the connection goes on. */
  private hand(delivery: Undirected): void {
    if (this.closed) return;
    try {
      this.view({ ...delivery, stream: this.stream });
    } catch (error) {
      console.error('jupyter_sio: a view failed:', error);
    }
  }

  /** One `$ack` for all that is said to be done in this turn. */
  private ackSoon(): void {
    if (this.wanted.window === undefined || this.ackDue) return;
    this.ackDue = true;
    queueMicrotask(() => {
      this.ackDue = false;
      if (this.id !== null && !this.closed) this.link.socket()?.emit('$ack', [this.id, this.done]);
    });
  }
}
