import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, type Connection, type Delivery } from '../src/client';
import { countOwn, ownViewers } from '../src/own';
import { ARROW, Refused } from '../src/protocol/messages';
import { FakeWorld, payload, settled } from './fake';

const EPOCH = 'a1b2c3d4e5f60718';
const KERNEL = { baseUrl: '/user/a%40b/', kernelId: 'k-1' };
const LINK = 'http://hub/user/a%40b/jupyter-sio/live/#s3cret';

interface Stage {
  world: FakeWorld;
  connection: Connection;
}

async function begin(target: Parameters<typeof connect>[0] = KERNEL): Promise<Stage> {
  const world = new FakeWorld();
  const connection = connect(target, { world, name: 'a test' });
  await settled();
  return { world, connection };
}

async function live(): Promise<Stage> {
  const stage = await begin();
  stage.world.socket.happens('connect');
  return stage;
}

/** Lose the connection and get it back. */
async function reconnect({ world }: Stage): Promise<void> {
  world.socket.happens('disconnect', 'transport close');
  await world.pass();
  world.socket.happens('connect');
}

const answer = (given: object = {}): object => ({
  ok: true,
  id: 3,
  media: ARROW,
  mode: 'every',
  epoch: EPOCH,
  first: 0,
  next: 0,
  start: 0,
  recovered: false,
  waiting: false,
  ...given,
});

function watching({ world, connection }: Stage, window?: number): Delivery[] {
  const taken: Delivery[] = [];
  const options = window === undefined ? {} : { window };
  connection.subscribe('loss', delivery => taken.push(delivery), options);
  world.socket.last('$subscribe').answer!(answer());
  return taken;
}

const batch = (offset: number): unknown[] => [
  [3, offset, 1_760_000_000_000, 3],
  payload('float64'),
];

/** An error as the server writes it. */
const no = (message: string): object => ({ message, reason: 'Forbidden' });

// --- getting in -------------------------------------------------------------------------------

test('a kernel is reached under an escaped base URL, by the name given', async () => {
  const { world, connection } = await begin();
  assert.equal(connection.state, 'connecting');
  assert.deepEqual(world.socket.pass, {
    origin: 'http://host:8888',
    path: '/user/a%40b/jupyter-sio/socket.io/',
    namespace: '/kernels/k-1',
    query: {},
  });
  assert.deepEqual(world.socket.auth, { protocol: 1, name: 'a test' });
  world.socket.happens('connect');
  assert.equal(connection.state, 'live');
});

test('a link is exchanged for a ticket, and for a new one at each reconnect', async () => {
  const world = new FakeWorld();
  world.answers = [
    [200, { ticket: 't-1', kernel_id: 'k-9' }],
    [200, { ticket: 't-2', kernel_id: 'k-9' }],
  ];
  connect(LINK, { world });
  await settled();
  assert.deepEqual(world.asked[0]!.init.body, '{"link":"s3cret"}');
  assert.deepEqual(world.socket.pass.query, { ticket: 't-1' });
  assert.equal(world.socket.pass.namespace, '/kernels/k-9');
  world.socket.happens('connect');
  world.socket.happens('disconnect', 'transport close');
  await world.pass();
  assert.deepEqual(world.socket.pass.query, { ticket: 't-2' });
});

test('a revoked link is not tried again', async () => {
  const world = new FakeWorld();
  world.answers = [[403, no('the link is unknown, revoked or expired')]];
  const connection = connect({ link: LINK }, { world });
  await settled();
  assert.equal(connection.state, 'refused');
  assert.equal(connection.reason, 'the link is unknown, revoked or expired');
  assert.equal(world.due, null);
});

for (const [status, state] of [
  [401, 'refused'],
  [403, 'refused'],
  [404, 'ended'],
] as const) {
  test(`after a failed handshake, ${status} means ${state}`, async () => {
    const { world, connection } = await begin();
    world.answers = [[status, no('because')]];
    world.socket.happens('connect_error', new Error('websocket error'));
    await settled();
    assert.equal(world.asked[0]!.url, 'http://host:8888/user/a%40b/jupyter-sio/api/namespaces/k-1');
    assert.equal(connection.state, state);
    assert.equal(world.due, null);
  });
}

for (const status of [0, 200, 429, 502]) {
  test(`after a failed handshake, ${status || 'no answer'} means trying again`, async () => {
    const { world, connection } = await begin();
    world.answers = [[status, {}]];
    world.socket.happens('connect_error', new Error('websocket error'));
    await settled();
    assert.equal(connection.state, 'reconnecting');
    assert.equal(world.due, 500);
    await world.pass();
    assert.equal(world.sockets.length, 2);
  });
}

for (const [what, status, body] of [
  ["the proxy's page", 404, '<html>404'],
  ["another server's page", 403, '<html>XSRF cookie does not match'],
  ["the Hub's answer", 424, '{"message": "JupyterHub server no longer running"}'],
  ["the Hub's error", 403, '{"status": 403, "message": "Forbidden"}'],
  ['a login page', 200, '<html><form>'],
  ['nothing', 503, ''],
] as const) {
  test(`${what} in the server's place means that it is stopped, and may come back`, async () => {
    const { world, connection } = await live();
    world.socket.happens('disconnect', 'transport close');
    assert.equal(connection.reason, '');
    await world.pass();
    world.fetch = () => Promise.resolve(new Response(body, { status }));
    world.socket.happens('connect_error', new Error('websocket error'));
    await settled();
    assert.equal(connection.state, 'reconnecting');
    assert.equal(connection.reason, 'server stopped');
    await world.pass();
    world.socket.happens('connect');
    assert.equal(connection.state, 'live');
    assert.equal(connection.reason, '');
  });
}

test('a redirect to a login page is not followed', async () => {
  const { world } = await begin();
  world.socket.happens('connect_error', new Error('websocket error'));
  assert.equal(world.asked[0]!.init.redirect, 'manual');
});

test('a cookie is accompanied by its XSRF token, a token stands for itself', async () => {
  const { world } = await begin();
  world.socket.happens('connect_error', new Error('websocket error'));
  const headers = world.asked[0]!.init.headers as Record<string, string>;
  assert.equal(headers['X-XSRFToken'], 'x-1');
  const other = await begin({ ...KERNEL, token: 'abc' });
  other.world.socket.happens('connect_error', new Error('websocket error'));
  assert.deepEqual(other.world.socket.pass.query, { token: 'abc' });
  const sent = other.world.asked[0]!.init.headers as Record<string, string>;
  assert.equal(sent.Authorization, 'token abc');
});

test('a ready ticket opens one socket', async () => {
  const { world, connection } = await begin({ ...KERNEL, ticket: 't-1' });
  assert.deepEqual(world.socket.pass.query, { ticket: 't-1' });
  world.socket.happens('connect');
  world.socket.happens('disconnect', 'transport close');
  await world.pass();
  assert.equal(world.sockets.length, 1);
  assert.equal(connection.state, 'refused');
});

test('a CONNECT_ERROR below 3500 is tried again, from 3500 not', async () => {
  const { world, connection } = await begin();
  world.socket.refuses(3004);
  assert.equal(connection.state, 'reconnecting');
  await world.pass();
  world.socket.refuses(3501, 'this server speaks protocol 1');
  assert.equal(connection.state, 'refused');
  assert.equal(connection.reason, 'this server speaks protocol 1');
  assert.equal(world.due, null);
});

test('a namespace that is refused because it is gone has ended', async () => {
  const { world, connection } = await begin();
  world.answers = [[404, no('no such namespace')]];
  world.socket.refuses(3507, 'no such namespace');
  await settled();
  assert.equal(connection.state, 'ended');
});

// --- coming back ------------------------------------------------------------------------------

test('waits grow while connections fail, and are short again after one that lasted', async () => {
  const stage = await live();
  const { world } = stage;
  const waited: (number | null)[] = [];
  for (let round = 0; round < 3; round++) {
    world.socket.happens('disconnect', 'transport close');
    waited.push(world.due);
    await world.pass();
    world.socket.happens('connect');
  }
  assert.deepEqual(waited, [500, 1000, 2000]);
  world.time += 60_000;
  world.socket.happens('disconnect', 'transport close');
  assert.equal(world.due, 500);
});

test('the subscription is resumed from the row after the last one', async () => {
  const stage = await live();
  const taken = watching(stage);
  stage.world.socket.says('$batch', ...batch(0));
  await reconnect(stage);
  const [request] = stage.world.socket.last('$subscribe').args;
  assert.deepEqual(request, { stream: 'loss', since: [EPOCH, 3] });
  stage.world.socket.last('$subscribe').answer!(answer({ recovered: true, start: 3, next: 6 }));
  stage.world.socket.says('$batch', ...batch(3));
  assert.deepEqual(
    taken.map(each => each.kind === 'rows' && [each.start, each.end, each.fresh]),
    [
      [0, 3, true],
      [3, 6, false],
    ],
  );
});

test('what could not be recovered begins anew', async () => {
  const stage = await live();
  const taken = watching(stage);
  stage.world.socket.says('$batch', ...batch(0));
  await reconnect(stage);
  stage.world.socket.last('$subscribe').answer!(answer({ start: 9, first: 9, next: 12 }));
  assert.deepEqual(taken.at(-1), { kind: 'begun', stream: 'loss', epoch: EPOCH, recovered: false });
});

test('an abandoned socket has nothing to say any more', async () => {
  const stage = await live();
  const taken = watching(stage);
  const old = stage.world.socket;
  await reconnect(stage);
  old.says('$batch', ...batch(0));
  old.happens('disconnect', 'transport close');
  assert.equal(taken.length, 0);
  assert.equal(stage.connection.state, 'live');
  assert.equal(old.closed, true);
});

test('retry_ms wins over the backoff, and waking up does not shorten it', async () => {
  const { world, connection } = await live();
  world.socket.says('$bye', { code: 3001, reason: 'shutting down', retry_ms: 4321 });
  assert.equal(connection.state, 'reconnecting');
  assert.equal(world.due, 4321);
  world.wake();
  await settled();
  assert.equal(world.sockets.length, 1);
  await world.pass();
  assert.equal(world.sockets.length, 2);
});

test('waking up ends a wait of the backoff', async () => {
  const { world } = await live();
  world.socket.happens('disconnect', 'transport close');
  world.wake();
  await settled();
  assert.equal(world.sockets.length, 2);
  world.wake();
  await settled();
  assert.equal(world.sockets.length, 2);
});

for (const [code, state] of [
  [3510, 'ended'],
  [3503, 'refused'],
  [3512, 'refused'],
  [3504, 'refused'],
] as const) {
  test(`$bye ${code} is final: ${state}`, async () => {
    const { world, connection } = await live();
    world.socket.says('$bye', { code, reason: 'because', retry_ms: null });
    world.socket.happens('disconnect', 'io server disconnect');
    assert.equal(connection.state, state);
    assert.equal(connection.reason, 'because');
    assert.equal(world.due, null);
  });
}

test('what cannot be read is not skipped: the connection is made anew', async t => {
  t.mock.method(console, 'warn', () => undefined);
  const stage = await live();
  watching(stage);
  stage.world.socket.says('$batch', [3, 0, 5, 3]);
  assert.equal(stage.connection.state, 'reconnecting');
});

// --- streams ----------------------------------------------------------------------------------

test('a payload that is no Arrow is a gap, and the rows after it come', async t => {
  t.mock.method(console, 'warn', () => undefined);
  const stage = await live();
  const taken = watching(stage);
  stage.world.socket.says('$batch', [3, 0, 5, 3], new Uint8Array(64));
  stage.world.socket.says('$batch', ...batch(3));
  assert.deepEqual(taken[0], { kind: 'gap', stream: 'loss', start: 0, end: 3, why: 'unreadable' });
  assert.equal(taken[1]!.kind, 'rows');
});

test('rows are acknowledged once they are done, many at once, and only with a window', async () => {
  const stage = await live();
  const taken = watching(stage, 1_000_000);
  const { socket } = stage.world;
  socket.says('$batch', ...batch(0));
  socket.says('$batch', ...batch(3));
  await settled();
  assert.equal(socket.count('$ack'), 0);
  for (const delivery of taken) if (delivery.kind === 'rows') delivery.done();
  await settled();
  assert.deepEqual(socket.last('$ack').args, [[3, 6]]);
  assert.equal(socket.count('$ack'), 1);

  const without = await live();
  const rows = watching(without);
  without.world.socket.says('$batch', ...batch(0));
  for (const delivery of rows) if (delivery.kind === 'rows') delivery.done();
  await settled();
  assert.equal(without.world.socket.count('$ack'), 0);
});

test('rows of an earlier connection are not acknowledged on a later one', async () => {
  const stage = await live();
  const taken = watching(stage, 1_000_000);
  stage.world.socket.says('$batch', ...batch(0));
  await reconnect(stage);
  stage.world.socket.last('$subscribe').answer!(answer({ epoch: 'b'.repeat(8) }));
  const [rows] = taken;
  if (rows?.kind === 'rows') rows.done();
  await settled();
  assert.equal(stage.world.socket.count('$ack'), 0);
});

test('a payload that brings nothing new is acknowledged, or it would fill the window', async () => {
  const stage = await live();
  watching(stage, 1_000_000);
  stage.world.socket.says('$batch', ...batch(0));
  await reconnect(stage);
  stage.world.socket.last('$subscribe').answer!(answer({ recovered: true, start: 0, next: 3 }));
  stage.world.socket.says('$batch', ...batch(0));
  await settled();
  assert.deepEqual(stage.world.socket.last('$ack').args, [[3, 3]]);
});

test('a refused stream is told to its view, and the others go on', async () => {
  const stage = await live();
  const taken: Delivery[] = [];
  stage.connection.subscribe('secret', delivery => taken.push(delivery));
  const refusal = { ok: false, code: 3507, message: 'not permitted' };
  stage.world.socket.last('$subscribe').answer!(refusal);
  assert.deepEqual(taken, [
    { kind: 'refused', stream: 'secret', code: 3507, message: 'not permitted' },
  ]);
  assert.equal(stage.connection.state, 'live');
});

test('a stream is watched once per connection, and again after it was closed', async () => {
  const { world, connection } = await live();
  const watch = connection.subscribe('loss', () => undefined);
  assert.throws(() => connection.subscribe('loss', () => undefined), /already/);
  world.socket.last('$subscribe').answer!(answer());
  watch.close();
  assert.deepEqual(world.socket.last('$unsubscribe').args, [{ id: 3 }]);
  connection.subscribe('loss', () => undefined);
  assert.equal(world.socket.count('$subscribe'), 2);
});

test('a watch that is closed before its answer is unsubscribed then', async () => {
  const { world, connection } = await live();
  connection.subscribe('loss', () => undefined).close();
  assert.equal(world.socket.count('$unsubscribe'), 0);
  world.socket.last('$subscribe').answer!(answer());
  assert.equal(world.socket.count('$unsubscribe'), 1);
});

test('a view that fails does not take the connection with it', async t => {
  t.mock.method(console, 'error', () => undefined);
  const { world, connection } = await live();
  connection.subscribe('loss', () => {
    throw new Error('a bug in a view');
  });
  world.socket.last('$subscribe').answer!(answer());
  world.socket.says('$batch', ...batch(0));
  assert.equal(connection.state, 'live');
});

// --- events -----------------------------------------------------------------------------------

test('an event is answered with what the handler returned', async () => {
  const { world, connection } = await live();
  const answered = connection.emit('stop', 1, 'now');
  assert.deepEqual(world.socket.last('stop').args, [1, 'now']);
  world.socket.last('stop').answer!({ ok: true, value: { stopped: true } });
  assert.deepEqual(await answered, { stopped: true });
});

test('a refused event, a lost connection and silence all raise', async () => {
  const { world, connection } = await live();
  const refused = connection.emit('stop');
  world.socket.last('stop').answer!({ ok: false, code: 3506, message: 'no such handler' });
  await assert.rejects(
    refused,
    (error: unknown) => error instanceof Refused && error.code === 3506,
  );
  const silent = assert.rejects(connection.emit('stop'), /no answer/);
  await world.pass();
  await silent;
  const lost = assert.rejects(connection.emit('stop'), /lost/);
  world.socket.happens('disconnect', 'transport close');
  await lost;
  await assert.rejects(connection.emit('stop'), /not connected/);
});

test('more binary values than the other side would bear are not sent', async () => {
  const { world, connection } = await live();
  const eleven = Array.from({ length: 11 }, () => new Uint8Array(1));
  await assert.rejects(connection.emit('frames', { deep: eleven }), /at most 10/);
  assert.equal(world.socket.count('frames'), 0);
});

test('the kernel may ask, and a handler answers', async () => {
  const { world, connection } = await live();
  connection.on('size', (unit: unknown) => Promise.resolve(`7 ${String(unit)}`));
  const answers: unknown[] = [];
  world.socket.says('size', 'px', (value: unknown) => answers.push(value));
  await settled();
  assert.deepEqual(answers, ['7 px']);
});

test('what is known of kernel and streams is told when it changes', async () => {
  const { world, connection } = await live();
  const seen: unknown[] = [];
  connection.addEventListener('change', () => seen.push(connection.status?.kernel));
  world.socket.says('$status', { kernel: 'busy', publisher: 'online', since: 5 });
  world.socket.says('$streams', []);
  world.socket.says('$later', 'a message of a later protocol is ignored');
  assert.deepEqual(seen, ['busy', 'busy']);
});

test('the server says when to come back after too many attempts', async () => {
  const world = new FakeWorld();
  world.answers = [[429, { message: 'too many', reason: 'x' }, { 'Retry-After': '60' }]];
  const connection = connect({ link: LINK }, { world });
  await settled();
  assert.deepEqual([connection.state, connection.reason], ['reconnecting', 'too many']);
  assert.ok(world.due! >= 60_000);
});

// --- leaving ----------------------------------------------------------------------------------

test('close is for good, and may be said twice', async () => {
  const { world, connection } = await live();
  connection.close();
  connection.close();
  assert.equal(connection.state, 'ended');
  assert.equal(world.socket.closed, true);
  assert.equal(world.due, null);
});

test('an aborted signal closes, also while the next try is waited for', async () => {
  const world = new FakeWorld();
  const leaving = new AbortController();
  const connection = connect(KERNEL, { world, signal: leaving.signal });
  await settled();
  world.socket.happens('connect');
  world.socket.happens('disconnect', 'transport close');
  leaving.abort();
  assert.equal(connection.state, 'ended');
  assert.equal(world.due, null);
});

// --- with others on one connection ------------------------------------------------------------

test('a connection that is full is left for one of its own', async () => {
  const { world, connection } = await begin();
  world.socket.happens('connect');
  const told: string[] = [];
  connection.subscribe('loss', delivery => told.push(delivery.kind));
  const full = { ok: false, code: 3505, message: 'too many' };
  world.socket.last('$subscribe').answer!(full);
  assert.deepEqual([connection.state, told], ['reconnecting', []]);
  await world.pass();
  assert.equal(world.socket.pass.alone, true);
  world.socket.happens('connect');
  world.socket.last('$subscribe').answer!(full);
  assert.deepEqual(told, ['refused']); // it is full all by itself
});

test('a page knows which viewers are its own, as long as they are there', async () => {
  const { world, connection } = await begin();
  world.socket.id = 'viewer-1';
  world.socket.happens('connect');
  assert.equal(ownViewers.get('viewer-1'), '/kernels/k-1');
  assert.equal(countOwn('/kernels/k-1'), 1);
  connection.close();
  assert.equal(countOwn('/kernels/k-1'), 0);
});
