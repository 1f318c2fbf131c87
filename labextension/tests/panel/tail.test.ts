import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Delivery } from '../../src/protocol/delivery';
import { NDJSON } from '../../src/protocol/messages';
import { readPayload } from '../../src/protocol/payload';
import { pathOf } from '../../src/panel/sparkline';
import { MOST_POINTS, Tail } from '../../src/panel/tail';

function rows(values: object[], { skip = 0, fresh = false } = {}): Delivery {
  const bytes = new TextEncoder().encode(values.map(each => JSON.stringify(each)).join('\n'));
  const table = readPayload(NDJSON, bytes);
  const done = (): void => undefined;
  const rest = { stream: 's', time: 0, bytes: bytes.byteLength, done };
  return { kind: 'rows', table, skip, start: skip, end: values.length, fresh, ...rest };
}

function tailOf(...deliveries: Delivery[]): Tail {
  const tail = new Tail();
  for (const delivery of deliveries) tail.take(delivery);
  return tail;
}

describe('a tail', () => {
  test('shows the first number that is not what others are drawn by', () => {
    const tail = tailOf(rows([{ step: 1, loss: 0.5 }, { step: 2, loss: 0.25 }])); // prettier-ignore
    assert.deepEqual([tail.column, tail.value, tail.points], ['loss', '0.25', [0.5, 0.25]]);
  });

  test('keeps so many points and no more', () => {
    const many = Array.from({ length: 1000 }, (_, n) => ({ v: n }));
    const tail = tailOf(rows(many), rows([{ v: -1 }]));
    assert.equal(tail.points.length, MOST_POINTS);
    assert.deepEqual(tail.points.slice(-2), [999, -1]);
  });

  test('leaves out the rows that are to be skipped', () => {
    assert.deepEqual(tailOf(rows([{ v: 1 }, { v: 2 }], { skip: 1 })).points, [2]);
  });

  test('shows words where there are no numbers, the last column of them', () => {
    const tail = tailOf(rows([{ level: 'info', text: 'done' }]));
    assert.deepEqual([tail.column, tail.value, tail.points], ['text', 'done', []]);
  });

  test('tells a number in four digits, a whole one in all', () => {
    assert.equal(tailOf(rows([{ v: -0.00598439 }])).value, '-0.005984');
    assert.equal(tailOf(rows([{ v: 123456 }])).value, (123456).toLocaleString());
  });

  test('stays with its newest value while others are missing', () => {
    assert.equal(tailOf(rows([{ v: 3 }]), rows([{ v: null }])).value, '3');
  });

  test('begins its curve anew with the stream', () => {
    const begun = { kind: 'begun', stream: 's', epoch: 'b'.repeat(8), recovered: false } as const;
    assert.deepEqual(tailOf(rows([{ v: 1 }]), begun, rows([{ v: 2 }])).points, [2]);
    assert.deepEqual(tailOf(rows([{ v: 1 }]), rows([{ v: 2 }], { fresh: true })).points, [2]);
  });
});

describe('its curve', () => {
  test('goes from edge to edge, the greatest value on top', () => {
    assert.equal(pathOf([0, 1, 0.5], 12, 12, 1), 'M1.0 11.0L6.0 1.0L11.0 6.0');
  });

  test('breaks where a value is missing', () => {
    assert.equal(pathOf([0, NaN, 1, 0], 13, 12, 2), 'M2.0 10.0M8.0 2.0L11.0 10.0');
  });

  test('of values that are all the same is in the middle', () => {
    assert.equal(pathOf([7, 7], 12, 12, 1), 'M1.0 6.0L11.0 6.0');
  });

  test('of less than two values is none', () => {
    assert.equal(pathOf([1, NaN], 12, 12, 1), '');
  });
});
