import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { ENGLISH, speak, trans } from '../src/words';

describe('words', () => {
  afterEach(() => {
    speak(ENGLISH);
  });

  test('are English, with their arguments put in and the right number', () => {
    assert.equal(trans.__('%1 h %2 min', 2, 30), '2 h 30 min');
    assert.equal(trans._n('%1 viewer', '%1 viewers', 1), '1 viewer');
    assert.equal(trans._n('%1 viewer', '%1 viewers', 0), '0 viewers');
  });

  test('are those of the translator as soon as there is one', () => {
    speak({
      __: (text, ...args) => ENGLISH.__(`«${text}»`, ...args),
      _n: (_one, many, count) => ENGLISH.__(`«${many}»`, count),
    });
    assert.equal(trans.__('up %1', '3 s'), '«up 3 s»');
    assert.equal(trans._n('%1 viewer', '%1 viewers', 1), '«1 viewers»');
  });
});
