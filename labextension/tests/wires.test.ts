import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { join } from '../src/wires';
import type { SocketLike } from '../src/world';

const GREETING = {
  sid: 's',
  upgrades: [],
  pingInterval: 25_000,
  pingTimeout: 20_000,
  maxPayload: 1e6,
};

/** Lets everybody in, when it is told to, and keeps what it is sent. */
class Server {
  readonly wires: WebSocket[] = [];
  readonly heard: string[] = [];
  slow = false;
  private readonly listening = new WebSocketServer({ port: 0, host: '127.0.0.1' });

  readonly ready = once(this.listening, 'listening');

  constructor() {
    this.listening.on('connection', wire => {
      this.wires.push(wire);
      wire.on('message', (data: Buffer) => {
        this.take(wire, data.toString());
      });
      wire.send(`0${JSON.stringify(GREETING)}`);
    });
  }

  get pass() {
    const { port } = this.listening.address() as AddressInfo;
    return { origin: `http://127.0.0.1:${port}`, path: '/socket.io/', query: {} };
  }

  /** Let in who waits for it. */
  admit(wire: WebSocket, namespace: string): void {
    wire.send(`40${namespace},{"sid":"viewer"}`);
  }

  async end(): Promise<void> {
    for (const wire of this.wires) wire.terminate();
    this.listening.close();
    await once(this.listening, 'close');
  }

  private take(wire: WebSocket, frame: string): void {
    this.heard.push(frame);
    const [, namespace] = /^40([^,]+),/.exec(frame) ?? [];
    if (namespace && !this.slow) this.admit(wire, namespace);
  }
}

const joined = (socket: SocketLike): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.on('connect', resolve);
    socket.on('connect_error', reject);
  });

const until = async (true_: () => boolean): Promise<void> => {
  for (let tries = 0; !true_(); tries++) {
    assert.ok(tries < 1_000, 'it did not happen');
    await new Promise(resolve => setTimeout(resolve, 5));
  }
};

describe('the connections of a page', { timeout: 10_000 }, () => {
  let server: Server;

  beforeEach(async () => {
    server = new Server();
    await server.ready;
  });

  afterEach(() => server.end());

  const open = async (namespace: string, more: object = {}): Promise<SocketLike> => {
    const socket = join({ ...server.pass, namespace, ...more }, { protocol: 1 });
    await joined(socket);
    return socket;
  };

  test('are one for many namespaces, which ends with the last of them', async () => {
    const sockets = [await open('/kernels'), await open('/kernels/a'), await open('/kernels/b')];
    assert.equal(server.wires.length, 1);
    for (const socket of sockets) socket.disconnect();
    await once(server.wires[0]!, 'close');
    const kept = globalThis as { 'jupyter_sio.wires'?: Set<unknown> };
    assert.equal(kept['jupyter_sio.wires']?.size, 0);
  });

  test('are two where two are in one namespace', async () => {
    const [one, other] = [await open('/kernels/a'), await open('/kernels/a')];
    assert.equal(server.wires.length, 2);
    one.disconnect();
    other.disconnect();
  });

  test('have a namespace that was left joined anew, as if for the first time', async () => {
    const stay = await open('/kernels');
    const left = await open('/kernels/a');
    let told = 0;
    left.onAny(() => told++);
    left.disconnect();
    const again = await open('/kernels/a');
    server.wires[0]!.send('42/kernels/a,["hello"]');
    await new Promise<void>(resolve =>
      again.onAny(() => {
        resolve();
      }),
    );
    assert.deepEqual([server.wires.length, told], [1, 0]);
    stay.disconnect();
    again.disconnect();
  });

  test('leave a namespace that lets them in only after they gave up', async () => {
    const stay = await open('/kernels');
    server.slow = true;
    join({ ...server.pass, namespace: '/kernels/a' }, {}).disconnect();
    await until(() => server.heard.includes('40/kernels/a,{}'));
    server.admit(server.wires[0]!, '/kernels/a');
    await until(() => server.heard.includes('41/kernels/a,'));
    stay.disconnect();
  });

  for (const [why, more] of [
    ['a ticket opens one socket', { query: { ticket: 't' } }],
    ['one is to be alone', { alone: true }],
    ['they prove to be somebody else', { query: { token: 't' } }],
  ] as const) {
    test(`are not shared where ${why}`, async () => {
      const sockets = [await open('/kernels'), await open('/kernels/a', more)];
      assert.equal(server.wires.length, 2);
      for (const socket of sockets) socket.disconnect();
    });
  }

  test('are not joined any more when they are lost', async () => {
    const lost = await open('/kernels');
    const told = new Promise(resolve => lost.on('disconnect', resolve));
    server.wires[0]!.terminate();
    await told;
    const again = await open('/kernels/a');
    assert.equal(server.wires.length, 2);
    again.disconnect();
  });
});
