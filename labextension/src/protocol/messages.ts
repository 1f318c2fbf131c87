/**
 * The reserved messages a viewer sends and receives, and how each is read.
 *
 * What a receiver does not know it ignores; what breaks the protocol raises `BadMessage`.
 * Source: protocol.md §4, §5, §6, §8. The Python side is `jupyter_sio/protocol/messages/`.
 */

export const PROTOCOL = 1;

export const ARROW = 'application/vnd.apache.arrow.stream';
export const NDJSON = 'application/x-ndjson';

/** Why something ended or was refused. Below 3500: try again; from 3500: do not. */
export const Code = {
  SHUTTING_DOWN: 3001,
  PUBLISHER_OFFLINE: 3003,
  BAD_CREDENTIAL: 3500,
  BAD_REQUEST: 3501,
  DISCONNECTED: 3503,
  TOO_MANY_SUBSCRIPTIONS: 3505,
  NOT_PERMITTED: 3507,
  KERNEL_GONE: 3510,
} as const;

/** Whether trying again is pointless. */
export const isFinal = (code: number): boolean => code >= 3500;

export type Mode = 'every' | 'latest';
/** `unreadable` is the viewer's own: the rows came, but could not be read. */
export type Why = 'evicted' | 'conflated' | 'publisher_overflow' | 'reset' | 'unreadable';

/** `[epoch, offset]`: a row of one life of a stream. */
export type Position = readonly [epoch: string, offset: number];

export interface Subscribe {
  stream: string;
  since?: Position;
  tail?: number;
  mode?: Mode;
  window?: number;
}

export interface Subscribed {
  id: number;
  media: string | null;
  mode: Mode | null;
  epoch: string | null;
  first: number;
  next: number;
  start: number;
  recovered: boolean;
  waiting: boolean;
}

export interface Batch {
  id: number;
  offset: number;
  /** The publisher's clock when the last payload left it, ms since 1970. */
  time: number;
  /** Rows in each payload. */
  counts: number[];
  payloads: Uint8Array[];
}

export interface Gap {
  id: number;
  start: number;
  end: number;
  why: Why;
}

export interface Reset {
  id: number;
  stream: string;
  media: string;
  mode: Mode;
  epoch: string;
  first: number;
  next: number;
  start: number;
  recovered: boolean;
}

export interface StreamInfo {
  id: number;
  stream: string;
  media: string;
  mode: Mode;
  epoch: string;
  first: number;
  next: number;
  ended: boolean;
}

export interface Status {
  kernel: 'starting' | 'idle' | 'busy' | 'restarting' | 'dead';
  publisher: 'online' | 'offline' | 'never';
  /** Of the last change, ms since 1970. */
  since: number;
}

export interface Bye {
  code: number;
  reason: string;
  retryMs: number | null;
}

/** A message that breaks the protocol: what was found, what was expected. */
export class BadMessage extends Error {
  override name = 'BadMessage';
}

/** The server's `{ok: false, code, message}`. */
export class Refused extends Error {
  override name = 'Refused';

  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
  }
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function fields(value: unknown, name: string): Fields {
  if (!isFields(value)) throw new BadMessage(`${name} carries an object; got ${typeof value}`);
  return value;
}

function count(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    throw new BadMessage(`${what} must be a whole number from 0 to 2**53-1; got ${String(value)}`);
  }
  return value as number;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new BadMessage(`${what} must be text; got ${typeof value}`);
  return value;
}

function list(value: unknown, name: string, length: number): unknown[] {
  if (!Array.isArray(value) || value.length < length) {
    throw new BadMessage(`${name} begins with a list of ${length} values`);
  }
  return value;
}

function mode(value: unknown): Mode {
  if (value === 'every' || value === 'latest') return value;
  throw new BadMessage(`mode must be every or latest; got ${String(value)}`);
}

function epoch(value: unknown): string {
  if (/^[0-9a-fA-F]{8,64}$/.test(text(value, 'epoch'))) return value as string;
  throw new BadMessage(`an epoch is 8 to 64 hex digits; got ${String(value)}`);
}

function streamName(value: unknown): string {
  if (text(value, 'stream') !== '') return value as string;
  throw new BadMessage('a stream has a name; got none');
}

function bytes(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  throw new BadMessage(`a payload is binary; got ${typeof value}`);
}

/** Read the `{ok: false, …}` or `{ok: true, …}` that answers a message; the former is thrown. */
export function readAnswer(value: unknown): Fields {
  const answer = fields(value, 'an answer');
  if (answer.ok === true) return answer;
  const code = typeof answer.code === 'number' ? answer.code : 3004;
  throw new Refused(typeof answer.message === 'string' ? answer.message : 'refused', code);
}

/** Read the answer to `$subscribe`; a refusal is thrown. */
export function readSubscribed(value: unknown): Subscribed {
  const answer = readAnswer(value);
  return {
    id: count(answer.id, 'id'),
    media: answer.media == null ? null : text(answer.media, 'media'),
    mode: answer.mode == null ? null : mode(answer.mode),
    epoch: answer.epoch == null ? null : epoch(answer.epoch),
    first: count(answer.first, 'first'),
    next: count(answer.next, 'next'),
    start: count(answer.start, 'start'),
    recovered: answer.recovered === true,
    waiting: answer.waiting === true,
  };
}

/** Read `$batch`: `[id, offset, time, n1, n2, …]`, payload 1, payload 2, …. */
export function readBatch(args: readonly unknown[]): Batch {
  const [id, offset, time, ...counts] = list(args[0], '$batch', 4);
  const payloads = args.slice(1).map(bytes);
  if (counts.length !== payloads.length) {
    throw new BadMessage(`$batch announces ${counts.length} payloads; got ${payloads.length}`);
  }
  return {
    id: count(id, 'id'),
    offset: count(offset, 'offset'),
    time: count(time, 'time'),
    counts: counts.map(rows => count(rows, 'rows')),
    payloads,
  };
}

/** Read `$gap`: `[id, from, to, why]`. */
export function readGap(args: readonly unknown[]): Gap {
  const [id, start, end, why] = list(args[0], '$gap', 4);
  return {
    id: count(id, 'id'),
    start: count(start, 'from'),
    end: count(end, 'to'),
    why: text(why, 'why') as Why,
  };
}

/** Read `$reset`. */
export function readReset(args: readonly unknown[]): Reset {
  const f = fields(args[0], '$reset');
  return {
    id: count(f.id, 'id'),
    stream: streamName(f.stream),
    media: text(f.media, 'media'),
    mode: mode(f.mode),
    epoch: epoch(f.epoch),
    first: count(f.first, 'first'),
    next: count(f.next, 'next'),
    start: count(f.start, 'start'),
    recovered: f.recovered === true,
  };
}

/** Read `$streams`. */
export function readStreams(args: readonly unknown[]): StreamInfo[] {
  return list(args[0], '$streams', 0).map(entry => {
    const f = fields(entry, '$streams');
    return {
      id: count(f.id, 'id'),
      stream: streamName(f.stream),
      media: text(f.media, 'media'),
      mode: mode(f.mode),
      epoch: epoch(f.epoch),
      first: count(f.first, 'first'),
      next: count(f.next, 'next'),
      ended: f.ended === true,
    };
  });
}

/** Read `$status`. */
export function readStatus(args: readonly unknown[]): Status {
  const f = fields(args[0], '$status');
  return {
    kernel: text(f.kernel, 'kernel') as Status['kernel'],
    publisher: text(f.publisher, 'publisher') as Status['publisher'],
    since: typeof f.since === 'number' ? f.since : 0,
  };
}

/** Read `$bye`. */
export function readBye(args: readonly unknown[]): Bye {
  const f = fields(args[0], '$bye');
  return {
    code: typeof f.code === 'number' ? f.code : 3004,
    reason: typeof f.reason === 'string' ? f.reason : '',
    retryMs: typeof f.retry_ms === 'number' ? f.retry_ms : null,
  };
}
