/**
 * The WebSockets of a page. Several namespaces share one: the panel, the tabs and the widgets of
 * JupyterLab need as many as there are of them in one and the same namespace, since a connection
 * joins each but once.
 */
import { Manager, type Socket } from 'socket.io-client';
import { version } from '../package.json';
import type { Pass } from './door';
import type { SocketLike } from './world';

/** The server allows a connection 64 namespaces. */
const MOST_NAMESPACES = 32;
const OPEN_MS = 15_000;

interface Wire {
  /** Who may share it: those with the same address and the same proof of who they are. */
  readonly key: string;
  readonly manager: Manager;
  readonly sockets: Map<string, Socket>;
}

/** Modules that are bundled apart meet here. */
const WIRES = 'jupyter_sio.wires';
const page = globalThis as { [WIRES]?: Set<Wire> };

/** Join a namespace, over a WebSocket that there is if one can be had. */
export function join(pass: Pass, auth: Record<string, unknown>): SocketLike {
  const wires = (page[WIRES] ??= new Set());
  // Code of another version may stand in the same page, and is not to be trusted with ours.
  const key = JSON.stringify([version, pass.origin, pass.path, pass.query]);
  const shareable = !pass.alone && pass.query.ticket === undefined; // a ticket opens one socket
  const fits = (wire: Wire): boolean => wire.key === key && hasRoom(wire, pass.namespace);
  const found = shareable ? [...wires].find(fits) : undefined;
  const wire = found ?? newWire(key, pass);
  if (shareable && !found) keep(wire, wires);
  return socketOn(wire, pass.namespace, auth);
}

/** Have it found by others for as long as it is open. */
function keep(wire: Wire, wires: Set<Wire>): void {
  wires.add(wire);
  const forget = (): void => void wires.delete(wire);
  wire.manager.on('close', forget);
  wire.manager.on('error', forget);
}

function newWire(key: string, { origin, path, query }: Pass): Wire {
  const manager = new Manager(origin, {
    path,
    query,
    transports: ['websocket'],
    reconnection: false,
    timeout: OPEN_MS,
  });
  return { key, manager, sockets: new Map() };
}

function hasRoom({ sockets }: Wire, namespace: string): boolean {
  const active = [...sockets.values()].filter(socket => socket.active);
  return !sockets.get(namespace)?.active && active.length < MOST_NAMESPACES;
}

function socketOn(wire: Wire, namespace: string, auth: Record<string, unknown>): SocketLike {
  // One that has left comes back as the same object, with its listeners of then.
  const former = wire.sockets.get(namespace);
  former?.removeAllListeners();
  former?.offAny();
  if (former) former.auth = auth;
  const socket = wire.manager.socket(namespace, { auth });
  wire.sockets.set(namespace, socket);
  return new Shared(socket, () => wire.manager._readyState === 'open');
}

/** A socket that leaves its namespace properly, since the connection may go on without it. */
class Shared implements SocketLike {
  constructor(
    private readonly socket: Socket,
    private readonly isOpen: () => boolean,
  ) {}

  get id(): string | undefined {
    return this.socket.id;
  }

  on(event: string, listener: (...args: never[]) => void): void {
    this.socket.on(event, listener as never);
  }

  onAny(listener: (event: string, ...args: unknown[]) => void): void {
    this.socket.onAny(listener);
  }

  emit(event: string, ...args: unknown[]): void {
    this.socket.emit(event, ...args);
  }

  disconnect(): void {
    const { socket } = this;
    if (socket.connected || !socket.active || !this.isOpen()) {
      socket.disconnect();
      return;
    }
    // The server may let it in at any moment: then it would be there for good, unknown to us.
    socket.removeAllListeners();
    socket.offAny();
    socket.on('connect', () => socket.disconnect());
  }
}
