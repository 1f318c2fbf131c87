/**
 * All kernels of the server, as the directory tells them: one connection to `/kernels`, which comes
 * back by itself. Source: protocol.md §4, §8.
 */
import { backoff } from '../protocol/backoff';
import { isFinal, readBye } from '../protocol/messages';
import type { Pass } from '../door';
import { anyOf } from '../signals';
import type { SocketLike, World } from '../world';
import { type Kernel, readKernel } from './kernel';

/** `refused` is final. */
export type DirectoryState = 'connecting' | 'live' | 'reconnecting' | 'refused';

/** What the directory asks the server by REST. */
export interface Lister {
  /** The kernels; null where the server does not answer; 'refused' where one may not ask. */
  kernels(): Promise<unknown[] | 'refused' | null>;
}

/** Dispatches `change` whenever `state` or `kernels` changed. */
export class Directory extends EventTarget {
  state: DirectoryState = 'connecting';
  kernels: ReadonlyMap<string, Kernel> = new Map();

  private socket: SocketLike | null = null;
  private waiting: AbortController | null = null;
  private attempt = 0;

  constructor(
    private readonly pass: Pass,
    private readonly lister: Lister,
    private readonly world: World,
    private readonly signal: AbortSignal,
  ) {
    super();
    world.onWake(this.tryNow, signal);
    signal.addEventListener('abort', () => {
      this.drop();
    });
    this.open();
  }

  /** Ask anew: the wire tells of no notebook that was renamed, and of no kernel that is gone. */
  async refresh(): Promise<void> {
    const listed = await this.lister.kernels();
    if (Array.isArray(listed) && this.state === 'live') this.replace(listed);
  }

  private open(): void {
    const socket = this.world.open(this.pass, { protocol: 1, kind: 'panel' });
    this.socket = socket;
    const whileCurrent =
      <A extends unknown[]>(act: (...args: A) => void) =>
      (...args: A): void => {
        if (this.socket === socket) act(...args);
      };
    const lost = (): void => {
      this.lost(null);
    };
    socket.on('connect', () => undefined); // it is live when it has told what there is
    socket.on('connect_error', whileCurrent(this.turnedAway));
    socket.on('disconnect', whileCurrent(lost));
    socket.onAny(whileCurrent(this.received));
  }

  private readonly received = (event: string, ...args: unknown[]): void => {
    if (event === '$namespaces') {
      this.attempt = 0;
      this.state = 'live';
      this.replace(Array.isArray(args[0]) ? args[0] : []);
    } else if (event === '$namespace') {
      const kernel = readKernel(args[0]);
      if (!kernel) return;
      this.kernels = new Map(this.kernels).set(kernel.id, kernel);
      this.changed();
    } else if (event === '$bye') {
      const { code, retryMs } = readBye(args);
      if (isFinal(code)) this.refuse();
      else this.lost(retryMs);
    }
  };

  private replace(listed: readonly unknown[]): void {
    const kernels = listed.map(readKernel).filter(kernel => kernel !== null);
    this.kernels = new Map(kernels.map(kernel => [kernel.id, kernel]));
    this.changed();
  }

  private readonly turnedAway = (error: Error & { data?: unknown }): void => {
    const code = (error.data as { code?: unknown } | undefined)?.code;
    if (typeof code === 'number' && isFinal(code)) this.refuse();
    else void this.judge();
  };

  /** A browser cannot see why a handshake was refused: REST tells. */
  private async judge(): Promise<void> {
    this.drop();
    const answer = await this.lister.kernels();
    if (this.signal.aborted) return;
    if (answer === 'refused') this.refuse();
    else this.lost(null);
  }

  private refuse(): void {
    this.drop();
    this.state = 'refused';
    this.changed();
  }

  private lost(retryMs: number | null): void {
    this.drop();
    if (this.signal.aborted) return;
    this.state = 'reconnecting';
    this.changed();
    this.waiting = new AbortController();
    const signal = anyOf(this.waiting.signal, this.signal);
    this.world.wait(
      backoff(this.attempt++, this.world.random(), retryMs),
      () => {
        this.waiting = null;
        this.open();
      },
      signal,
    );
  }

  private readonly tryNow = (): void => {
    if (!this.waiting) return;
    this.waiting.abort();
    this.waiting = null;
    this.open();
  };

  private drop(): void {
    const { socket } = this;
    this.socket = null;
    socket?.disconnect();
  }

  private changed(): void {
    this.dispatchEvent(new Event('change'));
  }
}
