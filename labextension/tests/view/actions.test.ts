import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerOf, refusalOf } from '../../src/view/actions';

test('what the handler returned is shown, where it is words', () => {
  assert.equal(answerOf('stop')('stopping'), 'stopping');
});

test('an answer without words is told as received', () => {
  for (const answer of [null, '', 3, { done: true }]) {
    assert.equal(answerOf('stop')(answer), 'stop was received');
  }
});

test('a refusal says what was refused, and why', () => {
  assert.equal(refusalOf('stop')(new Error('not permitted')), 'stop was not done: not permitted');
});
