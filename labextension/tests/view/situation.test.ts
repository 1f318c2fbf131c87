import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Status, StreamInfo } from '../../src/protocol/messages';
import { afterRows, afterStatus, say, type Situation, worstOf } from '../../src/view/situation';

const online: Status = { kernel: 'busy', publisher: 'online', since: 0 };
const offline: Status = { kernel: 'idle', publisher: 'offline', since: 0 };
const stream: StreamInfo = {
  id: 1,
  stream: 'loss',
  media: 'm',
  mode: 'every',
  epoch: 'a'.repeat(8),
  first: 0,
  next: 9,
  ended: false,
};
const ended = { ...stream, ended: true };

const said = (situation: Partial<Situation>): string =>
  say({
    link: 'live',
    reason: '',
    status: online,
    streams: [stream],
    interruption: 'none',
    ...situation,
  }).text;

test('all is well', () => {
  assert.equal(said({}), 'live');
});

test('the connection comes first', () => {
  assert.equal(said({ link: 'connecting' }), 'connecting');
  assert.equal(said({ link: 'reconnecting' }), 'reconnecting');
  assert.equal(said({ link: 'reconnecting', reason: 'server stopped' }), 'server stopped');
  assert.equal(said({ link: 'ended' }), 'ended');
  assert.equal(said({ link: 'refused' }), 'not permitted');
  assert.equal(said({ link: 'refused', reason: 'too many' }), 'refused: too many');
});

test('a kernel that is gone has ended, whatever its streams say', () => {
  assert.equal(said({ status: { ...offline, kernel: 'dead' } }), 'ended');
});

test('a stream that was closed has ended, one that is not there yet is waited for', () => {
  assert.equal(said({ streams: [ended] }), 'ended');
  assert.equal(said({ streams: [stream, ended] }), 'live');
  assert.equal(said({ streams: [] }), 'waiting for rows');
});

test('a restart is told until rows begin anew', () => {
  const restarting: Status = { ...offline, kernel: 'restarting' };
  let interruption = afterStatus('none', restarting);
  assert.equal(said({ status: restarting, interruption }), 'kernel restarted');
  interruption = afterStatus(interruption, online);
  assert.equal(said({ streams: [ended], interruption }), 'kernel restarted');
  interruption = afterRows(interruption, false); // rows still owed of the old life
  assert.equal(said({ streams: [ended], interruption }), 'kernel restarted');
  interruption = afterRows(interruption, true);
  assert.equal(said({ interruption }), 'live');
});

test('a restart that was only seen as starting is one too', () => {
  assert.equal(afterStatus('lost', { ...offline, kernel: 'starting' }), 'restarted');
  assert.equal(afterStatus('none', { ...offline, kernel: 'starting', publisher: 'never' }), 'none');
});

test('a publisher that is away for a moment is waited for, and comes back without a trace', () => {
  const interruption = afterStatus('none', offline);
  assert.equal(said({ status: offline, interruption }), 'waiting for the kernel');
  assert.equal(said({ status: online, interruption }), 'live');
  assert.equal(afterRows(interruption, false), 'none');
});

test('a new process that opens none of the streams is a restart', () => {
  assert.equal(
    said({ streams: [ended], interruption: afterStatus('none', offline) }),
    'kernel restarted',
  );
});

test('of several the one that the reader should know of is told, by name where they differ', () => {
  const live = { label: 'loss', said: { text: 'live', tone: 'good' } } as const;
  const away = { label: 'room', said: { text: 'reconnecting', tone: 'busy' } } as const;
  assert.deepEqual(worstOf([live, away]), { text: 'room: reconnecting', tone: 'busy' });
  assert.deepEqual(worstOf([live, { ...live, label: 'room' }]), live.said);
  assert.equal(worstOf([]).text, 'connecting');
});
