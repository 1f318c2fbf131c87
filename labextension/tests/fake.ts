/** A server and a clock that a test turns by hand. */
import { readFileSync } from 'node:fs';
import type { Pass } from '../src/door';
import type { SocketLike, World } from '../src/world';

type Listener = (...args: never[]) => unknown;

interface Sent {
  event: string;
  args: unknown[];
  answer: ((value: unknown) => void) | null;
}

export class FakeSocket implements SocketLike {
  readonly sent: Sent[] = [];
  id: string | undefined;
  closed = false;
  private readonly listeners = new Map<string, Listener>();

  constructor(
    readonly pass: Pass,
    readonly auth: object,
  ) {}

  on(event: string, listener: Listener): void {
    this.listeners.set(event, listener);
  }

  onAny(listener: Listener): void {
    this.listeners.set('any', listener);
  }

  emit(event: string, ...args: unknown[]): void {
    const answer = typeof args.at(-1) === 'function' ? (args.pop() as Sent['answer']) : null;
    this.sent.push({ event, args, answer });
  }

  disconnect(): void {
    this.closed = true;
  }

  /** What socket.io-client tells: `connect`, `connect_error`, `disconnect`. */
  happens(event: string, ...args: unknown[]): void {
    this.listeners.get(event)?.(...(args as never[]));
  }

  /** The server sends an event. */
  says(event: string, ...args: unknown[]): void {
    this.happens('any', event, ...args);
  }

  refuses(code: number, message = 'no'): void {
    this.happens('connect_error', Object.assign(new Error(message), { data: { code } }));
  }

  last(event: string): Sent {
    const found = this.sent.findLast(each => each.event === event);
    if (!found)
      throw new Error(`${event} was not sent; ${this.sent.map(each => each.event).join()}`);
    return found;
  }

  count(event: string): number {
    return this.sent.filter(each => each.event === event).length;
  }
}

export class FakeWorld implements World {
  readonly sockets: FakeSocket[] = [];
  readonly asked: { url: string; init: RequestInit }[] = [];
  readonly waits: { ms: number; then: () => void; signal: AbortSignal }[] = [];
  /** What the server answers to the next requests; then 200 and `{}`. */
  answers: [status: number, body: unknown, headers?: Record<string, string>][] = [];
  time = 0;
  wake: () => void = () => undefined;

  open(pass: Pass, auth: object): FakeSocket {
    const socket = new FakeSocket(pass, auth);
    this.sockets.push(socket);
    return socket;
  }

  fetch = (url: unknown, init: RequestInit = {}): Promise<Response> => {
    this.asked.push({ url: String(url), init });
    const [status, body, headers = {}] = this.answers.shift() ?? [200, {}];
    if (status === 0) return Promise.reject(new TypeError('fetch failed'));
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers }));
  };

  random(): number {
    return 1;
  }

  now(): number {
    return this.time;
  }

  wait(ms: number, then: () => void, signal: AbortSignal): void {
    this.waits.push({ ms, then, signal });
  }

  here(): string {
    return 'http://host:8888/user/a%40b/lab';
  }

  cookie(): string {
    return '_xsrf=x-1; other=2';
  }

  onWake(then: () => void): void {
    this.wake = then;
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  /** The wait for the next try, or null if there will be none. */
  get due(): number | null {
    return this.waits.findLast(each => !each.signal.aborted)?.ms ?? null;
  }

  /** Let the newest wait be over. */
  async pass(): Promise<void> {
    const wait = this.waits.findLast(each => !each.signal.aborted);
    wait?.then();
    await settled();
  }
}

/** Let every promise that can settle do so. */
export const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

interface Case {
  name: string;
  payload: string;
}

const cases = JSON.parse(readFileSync('tests/fixtures/payloads.json', 'utf8')) as Case[];

/** An Arrow payload of a fixture; `two_batches` has 3 rows, `float64` has 3. */
export function payload(name: string): Uint8Array {
  return new Uint8Array(Buffer.from(cases.find(each => each.name === name)!.payload, 'base64'));
}
