import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notice, type Standing } from '../../src/page/words';

const LIVE: Standing = {
  state: 'live',
  reason: '',
  bye: null,
  said: { text: 'live', tone: 'good' },
  byLink: true,
  lostFor: 0,
};

const said = (standing: Partial<Standing>): string => notice({ ...LIVE, ...standing }).text;
const refused = (reason: string): string => said({ state: 'refused', reason });
const bye = (code: number) => ({ code, reason: '', retryMs: null });

test('all is well, and needs no more words', () => {
  assert.deepEqual(notice(LIVE), { text: 'live', tone: 'good', detail: '' });
});

test('a link that does not work any more says why, as far as the server does', () => {
  assert.equal(refused('the link was revoked'), 'this link was revoked');
  assert.equal(refused('the link has expired'), 'this link has expired');
  assert.equal(refused('there is no such link'), 'this link does not work');
  assert.equal(refused('the link is unknown, revoked or expired'), 'this link does not work');
});

test('the end of a link’s kernel is no fault of the link', () => {
  assert.equal(refused("the link's kernel has ended"), 'ended');
});

test('who was shown the door is told', () => {
  assert.equal(said({ state: 'refused', bye: bye(3503) }), 'disconnected');
});

test('silence has three names: at first, after a goodbye, after a while', () => {
  assert.equal(said({ state: 'reconnecting' }), 'reconnecting');
  assert.equal(said({ state: 'reconnecting', bye: bye(3001) }), 'server stopped');
  assert.equal(said({ state: 'reconnecting', lostFor: 20_000 }), 'server not reachable');
  assert.equal(said({ state: 'connecting', lostFor: 20_000 }), 'server not reachable');
  assert.equal(said({ state: 'reconnecting', reason: 'too many' }), 'too many');
});

test('the end of the kernel and its restart are told', () => {
  assert.equal(said({ state: 'ended' }), 'ended');
  const restarted = notice({ ...LIVE, said: { text: 'kernel restarted', tone: 'busy' } });
  assert.match(restarted.detail, /last run/);
});

test('somebody who is logged in is not told of links', () => {
  assert.equal(said({ state: 'refused', byLink: false, reason: 'x' }), 'not permitted');
});
