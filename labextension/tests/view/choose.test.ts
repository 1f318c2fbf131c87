import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ARROW, type Mode, NDJSON } from '../../src/protocol/messages';
import type { Kind } from '../../src/protocol/payload';
import { choose, chooseX, commonX } from '../../src/view/choose';

interface Shape {
  media?: string;
  mode?: Mode;
  rows?: number;
}

const best = (columns: Record<string, Kind>, shape: Shape = {}): string | undefined =>
  choose({
    media: ARROW,
    mode: 'every',
    rows: 100,
    columns: new Map(Object.entries(columns)),
    ...shape,
  })[0];

test('numbers that grow are a plot', () => {
  assert.equal(best({ step: 'number', loss: 'number' }), 'plot');
  assert.equal(best({ value: 'number' }, { media: NDJSON }), 'plot');
});

test('a gauge, or one short row, is values', () => {
  assert.equal(best({ temperature: 'number' }, { mode: 'latest' }), 'values');
  assert.equal(best({ temperature: 'number' }, { rows: 1 }), 'values');
  assert.equal(best({ model: 'text', rate: 'number' }, { rows: 1 }), 'values');
});

test('words among numbers are a table', () => {
  assert.equal(best({ step: 'number', name: 'text' }), 'table');
  assert.equal(best({ boxes: 'other' }), 'table');
  assert.equal(best({ when: 'time' }), 'table');
});

test('a level and a message, or words alone, are a log', () => {
  assert.equal(best({ time: 'time', level: 'text', message: 'text', worker: 'number' }), 'log');
  assert.equal(best({ Message: 'text', ts: 'number' }), 'log');
  assert.equal(best({ value: 'text' }, { media: NDJSON }), 'log');
  assert.equal(best({ message: 'text', score: 'number' }), 'table');
});

test('media that are no tables have one view', () => {
  assert.equal(best({}, { media: 'image/png' }), 'image');
  assert.equal(best({}, { media: 'application/octet-stream' }), 'octets');
  assert.equal(best({}, { media: 'text/html' }), 'octets');
});

test('before the first row there is nothing to choose', () => {
  assert.equal(best({}), undefined);
});

test('x is a time, else a column that is usually counted by', () => {
  const x = (columns: Record<string, Kind>) => chooseX(new Map(Object.entries(columns)));
  assert.equal(x({ loss: 'number', at: 'time' }), 'at');
  assert.equal(x({ epoch: 'number', Step: 'number', loss: 'number' }), 'Step');
  assert.equal(x({ loss: 'number', accuracy: 'number' }), null);
  assert.equal(x({ step: 'number' }), null);
});

test('several streams are drawn by what all of them have', () => {
  const x = (...all: Record<string, Kind>[]) =>
    commonX(all.map(columns => new Map(Object.entries(columns))));
  assert.equal(x({ step: 'number', loss: 'number' }, { step: 'number', rate: 'number' }), 'step');
  assert.equal(x({ step: 'number', loss: 'number' }, { celsius: 'number' }), null);
  assert.equal(x({ time: 'time', loss: 'number' }, { time: 'number', a: 'number' }), null);
  assert.equal(x({ step: 'number', loss: 'number' }, {}), 'step'); // nothing is known of it yet
});
