/**
 * Connections shared by the widgets, and by the tabs, of a page. Each widget is a module of its own to the browser,
 * so they meet on `globalThis`.
 *
 * A connection watches a stream once: a second widget of the same stream gets another connection,
 * and with it a history, a position and a window of its own.
 */
import { version } from '../../package.json';
import { connect, type Connection, type Kind } from '../client';
import type { KernelTarget } from '../protocol/target';

interface Shared {
  key: string;
  connection: Connection;
  streams: string[];
}

const POOL = 'jupyter_sio.connections';

function pool(): Set<Shared> {
  const page = globalThis as { [POOL]?: Set<Shared> };
  page[POOL] ??= new Set();
  return page[POOL];
}

const isOver = ({ connection: { state } }: Shared): boolean =>
  state === 'ended' || state === 'refused';

/** A view that is made anew, because a trait changed, comes back at once. */
const LINGER_MS = 500;

function closeUnused(shared: Shared): void {
  if (shared.streams.length > 0) return;
  pool().delete(shared);
  shared.connection.close();
}

/** Get a connection on which none of `streams` is watched yet; it is given back with `signal`. */
export function lease(
  target: KernelTarget,
  streams: readonly string[],
  signal: AbortSignal,
  kind: Kind = 'widget',
): Connection {
  // Code of another version may stand in the same page, and is not to be trusted with ours.
  const key = JSON.stringify([version, kind, target.baseUrl, target.kernelId]);
  const fits = (shared: Shared): boolean =>
    shared.key === key && !isOver(shared) && !streams.some(name => shared.streams.includes(name));
  const shared = [...pool()].find(fits) ?? {
    key,
    connection: connect(target, { kind }),
    streams: [],
  };
  shared.streams.push(...streams);
  pool().add(shared);
  signal.addEventListener('abort', () => {
    shared.streams = shared.streams.filter(name => !streams.includes(name));
    setTimeout(closeUnused, LINGER_MS, shared);
  });
  return shared.connection;
}
