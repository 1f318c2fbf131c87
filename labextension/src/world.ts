/** The outside world as a connection sees it; a test brings its own. */
import type { Pass } from './door';
import { join } from './wires';

/** The part of socket.io-client's socket that is used here. */
export interface SocketLike {
  /** What the server calls it, once it is in. */
  readonly id?: string | undefined;
  on(event: 'connect', listener: () => void): unknown;
  on(event: 'connect_error', listener: (error: Error & { data?: unknown }) => void): unknown;
  on(event: 'disconnect', listener: (reason: string) => void): unknown;
  onAny(listener: (event: string, ...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  disconnect(): unknown;
}

export interface World {
  open(pass: Pass, auth: object): SocketLike;
  fetch: typeof fetch;
  random(): number;
  /** Milliseconds, from anywhere. */
  now(): number;
  /** Call after so many milliseconds, unless aborted before. */
  wait(ms: number, then: () => void, signal: AbortSignal): void;
  /** The page's URL, if there is a page. */
  here(): string | undefined;
  /** The page's cookies that scripts may read. */
  cookie(): string;
  /** Call whenever trying again may have become worth while. */
  onWake(then: () => void, signal: AbortSignal): void;
}

// Also runs where there is no page: in Node.
const page = globalThis as unknown as {
  location?: Location;
  document?: Document;
  addEventListener: Window['addEventListener'];
};

export const browser: World = {
  open: (pass, auth) => join(pass, auth as Record<string, unknown>),

  fetch: (...args) => fetch(...args),

  random: Math.random,

  now: () => performance.now(),

  wait(ms, then, signal) {
    if (signal.aborted) return;
    const timer = setTimeout(then, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
    });
  },

  here: () => page.location?.href,

  cookie: () => page.document?.cookie ?? '',

  onWake(then, signal) {
    const { document } = page;
    if (!document) return;
    const seen = (): void => {
      if (document.visibilityState === 'visible') then();
    };
    document.addEventListener('visibilitychange', seen, { signal });
    page.addEventListener('online', then, { signal });
  },
};
