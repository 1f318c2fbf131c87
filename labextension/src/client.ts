/**
 * The browser's viewer: one connection to a kernel's namespace, for the widgets, the panel and the
 * page alike. It reconnects and resumes by itself; see `connect`.
 *
 * Source: protocol.md §3 – §8.
 */
import { Closed, Door, NotThere, type Pass, type Rights, TooSoon } from './door';
import { backoff } from './protocol/backoff';
import type { Delivery } from './protocol/delivery';
import {
  type Bye,
  Code,
  isFinal,
  type Mode,
  type Position,
  PROTOCOL,
  readAnswer,
  readBatch,
  readBye,
  readGap,
  readReset,
  readStatus,
  readStreams,
  Refused,
  type Status,
  type StreamInfo,
} from './protocol/messages';
import { readTarget, type Target } from './protocol/target';
import { anyOf } from './signals';
import { StreamWatch, type Watch } from './watch';
import { browser, type SocketLike, type World } from './world';
import { ownViewers } from './own';

export type { Delivery, Rights, Status, StreamInfo, Target, Watch };

/** What a viewer is, for those who ask who watches. Source: protocol.md §4. */
export type Kind = 'panel' | 'widget' | 'page' | 'script';

/** `ended` and `refused` are final. */
export type State = 'connecting' | 'live' | 'reconnecting' | 'ended' | 'refused';

export interface ConnectOptions {
  /** Shown to others who ask who watches, in place of the user's; at most 64 characters. */
  name?: string;
  kind?: Kind;
  /** Ends the connection, as `close` does. */
  signal?: AbortSignal;
  world?: World;
}

export interface SubscribeOptions {
  /** The first row that is not held yet. */
  since?: Position;
  /** Only so many rows of the history. */
  tail?: number;
  mode?: Mode;
  /** Bytes that may be on their way beyond the rows whose delivery was said to be `done`. */
  window?: number;
}

/** socket.io-parser closes the other side's connection at more attachments than that. */
const MAX_ATTACHMENTS = 10;
const LOST = 'lost';
const STOPPED = 'server stopped';
const EMIT_MS = 35_000; // the server gives up on the kernel after 30 s
/** A connection that lasted so long was a good one: the next failure is the first again. */
const LASTING_MS = 10_000;

/**
 * Watch a kernel's streams, and send it events.
 *
 * @example
 * const connection = connect('https://host/user/ada/jupyter-sio/live/#SECRET');
 * connection.subscribe('loss', delivery => {
 *   if (delivery.kind === 'rows') console.log(delivery.start, delivery.table.names);
 * });
 *
 * @throws TypeError - where the target is neither a share link nor a kernel on a server
 */
export function connect(target: Target, options: ConnectOptions = {}): Connection {
  return new Connection(target, options);
}

/**
 * Dispatches `change` whenever `state`, `status`, `streams` or `bye` changed, and each user event
 * of the kernel's to the handlers given to `on`.
 */
export class Connection extends EventTarget {
  state: State = 'connecting';
  /** Why it is `ended` or `refused`, or what it waits for while `reconnecting`, where known. */
  reason = '';
  status: Status | null = null;
  streams: readonly StreamInfo[] = [];
  bye: Bye | null = null;

  private readonly world: World;
  private readonly ending = new AbortController();
  private readonly door: Door;
  private readonly auth: object;
  private readonly watches = new Map<string, StreamWatch>();
  private readonly handlers = new Map<string, Set<(...args: unknown[]) => unknown>>();
  private socket: SocketLike | null = null;
  private namespace = '';
  private alone = false;
  /** What the server calls this viewer; null while it is not in. */
  private viewer: string | null = null;
  private waiting: AbortController | null = null;
  private attempt = 0;
  /** The server said when to come back: that is sat out, as it spreads a crowd. */
  private patient = false;
  private joinedAt: number | null = null;

  constructor(target: Target, options: ConnectOptions) {
    super();
    this.world = options.world ?? browser;
    const { signal } = this.ending;
    const address = readTarget(target, this.world.here());
    this.door = new Door(address, this.world, signal);
    const { name, kind } = options;
    this.auth = { protocol: PROTOCOL, ...(name ? { name } : {}), ...(kind ? { kind } : {}) };
    const close = (): void => {
      this.close();
    };
    options.signal?.addEventListener('abort', close, { signal });
    this.world.onWake(this.tryNow, signal);
    if (options.signal?.aborted) close();
    else void this.enter();
  }

  /**
   * Watch a stream, also one that does not exist yet: its history, then its rows as they come.
   *
   * @throws Error - where this connection watches it already
   */
  subscribe(
    stream: string,
    view: (delivery: Delivery) => void,
    options: SubscribeOptions = {},
  ): Watch {
    if (this.watches.has(stream)) {
      throw new Error(`this connection watches '${stream}' already; close that first, or connect`);
    }
    const watch = new StreamWatch({ stream, ...options }, view, {
      socket: this.joinedSocket,
      crowded: this.crowded,
      broken: this.broken,
      forget: () => this.watches.delete(stream),
      isWatched: () => this.watches.has(stream),
    });
    this.watches.set(stream, watch);
    if (this.state === 'live') watch.ask();
    return watch;
  }

  /** What the link allows; null where Jupyter's identity was shown instead. */
  get rights(): Rights | null {
    return this.door.rights;
  }

  /** Whether `subscribe` may be called for the stream. */
  isWatched(stream: string): boolean {
    return this.watches.has(stream);
  }

  /**
   * Send an event to the kernel, and get what its handler returned.
   *
   * @throws Refused - with the server's code, 3003 also where there is no connection or no answer
   */
  async emit(event: string, ...args: unknown[]): Promise<unknown> {
    if (attachments(args) > MAX_ATTACHMENTS) {
      const limit = `an event carries at most ${MAX_ATTACHMENTS} binary values`;
      throw new Refused(limit, Code.BAD_REQUEST);
    }
    const socket = this.joinedSocket();
    if (!socket) throw new Refused('not connected', Code.PUBLISHER_OFFLINE);
    const answer = await new Promise((resolve, reject) => {
      const answered = new AbortController();
      const giveUp = (why: string) => (): void => {
        answered.abort();
        reject(new Refused(why, Code.PUBLISHER_OFFLINE));
      };
      this.world.wait(EMIT_MS, giveUp('no answer'), answered.signal);
      this.addEventListener(LOST, giveUp('the connection was lost'), { signal: answered.signal });
      socket.emit(event, ...args, (value: unknown) => {
        answered.abort();
        resolve(value);
      });
    });
    return readAnswer(answer).value ?? null;
  }

  /**
   * Handle a user event of the kernel's; what the handler returns answers where it asks. One of
   * `'*'` is told of every event, its name first, and answers none.
   */
  on(event: string, handler: (...args: unknown[]) => unknown, signal?: AbortSignal): void {
    const handlers = this.handlers.get(event) ?? new Set();
    this.handlers.set(event, handlers.add(handler));
    signal?.addEventListener('abort', () => handlers.delete(handler));
  }

  /** Leave, for good. Idempotent. */
  close(): void {
    if (!this.ending.signal.aborted) this.end('ended', 'closed');
  }

  // --- getting in ---------------------------------------------------------------------------

  private readonly enter = async (): Promise<void> => {
    try {
      const pass = await this.door.pass();
      if (!this.ending.signal.aborted) this.open(pass);
    } catch (error) {
      this.failed(error);
    }
  };

  private open(pass: Pass): void {
    this.namespace = pass.namespace;
    const { alone } = this;
    const socket = this.world.open(alone ? { ...pass, alone } : pass, this.auth);
    this.socket = socket;
    // Whatever an abandoned socket still says is not for us.
    const whileCurrent =
      <A extends unknown[]>(act: (...args: A) => void) =>
      (...args: A): void => {
        if (this.socket === socket) act(...args);
      };
    socket.on('connect', whileCurrent(this.joined));
    socket.on('connect_error', whileCurrent(this.turnedAway));
    socket.on('disconnect', whileCurrent(this.lost));
    socket.onAny(whileCurrent(this.received));
  }

  private readonly joined = (): void => {
    this.joinedAt = this.world.now();
    this.viewer = this.socket?.id ?? null;
    if (this.viewer) ownViewers.set(this.viewer, this.namespace);
    this.bye = null;
    this.reason = '';
    const watches = [...this.watches.values()]; // those that `change` adds ask by themselves
    this.become('live');
    for (const watch of watches) watch.ask();
  };

  /** CONNECT_ERROR has `data`; without it, the handshake failed, and nobody can say why. */
  private readonly turnedAway = (error: Error & { data?: unknown }): void => {
    this.drop();
    const code = (error.data as { code?: unknown } | undefined)?.code;
    if (typeof code === 'number' && isFinal(code)) void this.stop(code, error.message);
    else if (typeof code === 'number') this.retry();
    else this.judge();
  };

  private judge(): void {
    this.door.judge().then(
      () => {
        this.retry();
      },
      (error: unknown) => {
        this.failed(error);
      },
    );
  }

  private failed(error: unknown): void {
    if (error instanceof Closed) this.end(error.why, error.message);
    else if (error instanceof TooSoon) this.retry(error.retryMs, error.message);
    else this.retry(null, error instanceof NotThere ? STOPPED : '');
  }

  /** A final code; a namespace that is gone is told as one that may not be seen: ask which. */
  private async stop(code: number, reason: string): Promise<void> {
    if (code === Code.KERNEL_GONE) {
      this.end('ended', reason);
      return;
    }
    if (code === Code.NOT_PERMITTED) {
      try {
        await this.door.judge();
      } catch (error) {
        if (error instanceof Closed) {
          this.end(error.why, error.message);
          return;
        }
      }
    }
    this.end('refused', reason);
  }

  private readonly lost = (): void => {
    this.drop();
    this.retry();
  };

  /** Forget the socket; positions stay. */
  private drop(): void {
    const { socket } = this;
    this.socket = null;
    socket?.disconnect();
    if (this.viewer) ownViewers.delete(this.viewer);
    this.viewer = null;
    for (const watch of this.watches.values()) watch.disconnected();
    const lasted = this.joinedAt === null ? 0 : this.world.now() - this.joinedAt;
    if (lasted >= LASTING_MS) this.attempt = 0;
    this.joinedAt = null;
    this.dispatchEvent(new Event(LOST));
  }

  private retry(retryMs: number | null = null, reason = ''): void {
    if (this.ending.signal.aborted) return;
    this.reason = reason;
    this.become('reconnecting');
    this.waiting?.abort();
    this.waiting = new AbortController();
    this.patient = retryMs !== null;
    const ms = backoff(this.attempt++, this.world.random(), retryMs);
    const signal = anyOf(this.waiting.signal, this.ending.signal);
    this.world.wait(ms, this.tryAgain, signal);
  }

  private readonly tryAgain = (): void => {
    this.waiting = null;
    void this.enter();
  };

  /** The network is back, or somebody looks again: do not sit out the rest of the wait. */
  private readonly tryNow = (): void => {
    if (!this.waiting || this.patient) return;
    this.waiting.abort();
    this.tryAgain();
  };

  private end(state: 'ended' | 'refused', reason: string): void {
    if (this.ending.signal.aborted) return;
    this.ending.abort();
    this.drop();
    this.reason = reason;
    this.become(state);
  }

  private become(state: State): void {
    this.state = state;
    this.changed();
  }

  private changed(): void {
    this.dispatchEvent(new Event('change'));
  }

  private readonly joinedSocket = (): SocketLike | null =>
    this.state === 'live' ? this.socket : null;

  // --- what comes in ------------------------------------------------------------------------

  private readonly received = (event: string, ...args: unknown[]): void => {
    try {
      if (event.startsWith('$')) this.reserved[event]?.(args);
      else this.userEvent(event, args);
    } catch (error) {
      this.broken(error);
    }
  };

  /** Going on would be a silent hole; coming back resumes where it broke off. */
  private readonly broken = (error: unknown): void => {
    console.warn('jupyter_sio: the server said what cannot be read; reconnecting:', error);
    this.lost();
  };

  /** Others of this page share the connection, and its bound: have one of its own. */
  private readonly crowded = (): boolean => {
    if (this.alone) return false;
    this.alone = true;
    this.lost();
    return true;
  };

  private readonly reserved: Partial<Record<string, (args: unknown[]) => void>> = {
    $batch: args => {
      const message = readBatch(args);
      this.watchOf(message.id)?.batch(message);
    },
    $gap: args => {
      const message = readGap(args);
      this.watchOf(message.id)?.take(state => state.gap(message));
    },
    $reset: args => {
      const message = readReset(args);
      this.watchOf(message.id)?.take(state => state.reset(message));
    },
    $streams: args => {
      this.streams = readStreams(args);
      this.changed();
    },
    $status: args => {
      this.status = readStatus(args);
      this.changed();
    },
    $bye: args => {
      this.leaving(readBye(args));
    },
  };

  private leaving(bye: Bye): void {
    this.bye = bye;
    if (isFinal(bye.code)) {
      this.end(bye.code === Code.KERNEL_GONE ? 'ended' : 'refused', bye.reason);
      return;
    }
    this.drop();
    this.retry(bye.retryMs);
  }

  private watchOf(id: number): StreamWatch | undefined {
    return [...this.watches.values()].find(watch => watch.id === id);
  }

  private userEvent(event: string, args: unknown[]): void {
    const answer =
      typeof args.at(-1) === 'function' ? (args.pop() as (value: unknown) => void) : null;
    for (const all of this.handlers.get('*') ?? []) void callSafely(all, [event, ...args]);
    const handlers = [...(this.handlers.get(event) ?? [])];
    const values = handlers.map(handler => callSafely(handler, args));
    if (!answer) return;
    void Promise.all(values).then(([value]) => {
      answer(value ?? null);
    });
  }
}

/** A handler that fails is the page's affair; the connection goes on. */
async function callSafely(
  handler: (...args: unknown[]) => unknown,
  args: unknown[],
): Promise<unknown> {
  try {
    return await handler(...args);
  } catch (error) {
    console.error('jupyter_sio: a handler failed:', error);
    return null;
  }
}

function attachments(value: unknown): number {
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return 1;
  if (typeof Blob !== 'undefined' && value instanceof Blob) return 1;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((total: number, each) => total + attachments(each), 0);
}
