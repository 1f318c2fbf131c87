import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Delivery } from '../../src/protocol/delivery';
import { NDJSON } from '../../src/protocol/messages';
import { readPayload } from '../../src/protocol/payload';
import { Source } from '../../src/view/source';

const NOW = 1_760_000_000_000;

function rows(start: number, values: readonly object[], skip = 0): Delivery {
  const text = values.map(value => JSON.stringify(value)).join('\n');
  const table = readPayload(NDJSON, new TextEncoder().encode(text));
  const end = start - skip + table.rows;
  const done = (): void => undefined;
  return {
    kind: 'rows',
    stream: 'loss',
    table,
    skip,
    start,
    end,
    fresh: false,
    time: 0,
    bytes: text.length,
    done,
  };
}

const gap = (start: number, end: number, why: 'evicted' | 'conflated'): Delivery => ({
  kind: 'gap',
  stream: 'loss',
  start,
  end,
  why,
});

function source(wanted: { x?: string; y?: string[]; maxLines?: number } = {}): Source {
  const { x = null, y = null, maxLines = 32 } = wanted;
  return new Source('loss', { x, y, maxRows: 10_000, maxLines });
}

const points = (from: Source, column: string): number[][] => {
  const { xs, ys, length } = from.traces.get(column)!;
  return Array.from({ length }, (_, row) => [xs[row]!, ys[row]!]);
};

test('every column of numbers is a trace, by the column that is x', () => {
  const taken = source({ x: 'step' });
  taken.take(rows(0, [{ step: 5, loss: 2, note: 'a' }]), NOW);
  assert.deepEqual([...taken.traces.keys()], ['loss']);
  assert.deepEqual(points(taken, 'loss'), [[5, 2]]);
  assert.equal(taken.complaint, '');
});

test('without x it is the row’s number, and skipped rows do not shift it', () => {
  const taken = source();
  taken.take(rows(10, [{ v: 0 }, { v: 1 }, { v: 2 }], 2), NOW);
  assert.deepEqual(points(taken, 'v'), [[10, 2]]);
  assert.equal(taken.rows, 1);
});

test('a value that was not given leaves the line whole', () => {
  const taken = source();
  taken.take(rows(0, [{ a: 1 }, { b: 5 }, { a: 2 }]), NOW);
  assert.deepEqual(points(taken, 'a'), [
    [0, 1],
    [2, 2],
  ]);
});

test('missing rows interrupt the lines and are counted by reason; conflated ones do not', () => {
  const taken = source();
  taken.take(rows(0, [{ v: 0 }]), NOW);
  taken.take(gap(1, 6, 'evicted'), NOW);
  taken.take(gap(6, 9, 'conflated'), NOW);
  assert.deepEqual([...taken.missing], [['evicted', 5]]);
  assert.equal(taken.skipped, 3);
  assert.deepEqual(taken.traces.get('v')!.breaks, [{ row: 1, missing: 5, why: 'evicted' }]);
});

test('what begins anew replaces what is held, and says when', () => {
  const taken = source();
  taken.take(rows(0, [{ v: 0 }]), NOW);
  taken.take({ kind: 'begun', stream: 'loss', epoch: 'e', recovered: true }, NOW);
  assert.equal(taken.rows, 1);
  taken.take({ kind: 'begun', stream: 'loss', epoch: 'f', recovered: false }, NOW);
  assert.deepEqual([taken.rows, taken.begunAt, points(taken, 'v')], [0, NOW, []]);
});

test('a stream that is born while it is waited for did not begin anew', () => {
  const taken = source();
  taken.take({ kind: 'begun', stream: 'loss', epoch: 'e', recovered: false }, NOW);
  assert.equal(taken.begunAt, null);
});

test('a column that is not there is named beside those that are, until it comes', () => {
  const taken = source({ x: 'step', y: ['los'] });
  assert.equal(taken.complaint, '');
  taken.take(rows(0, [{ step: 1, loss: 2 }]), NOW);
  assert.equal(taken.complaint, "stream 'loss' has columns step, loss; got 'los'");
  taken.take(rows(1, [{ step: 2, los: 2 }]), NOW);
  assert.equal(taken.complaint, '');
});

test('a column of text is no curve', () => {
  const taken = source({ y: ['note'] });
  taken.take(rows(0, [{ note: 'a' }]), NOW);
  assert.equal(taken.complaint, "column 'note' of stream 'loss' holds text; a plot needs numbers");
});

test('a refusal is told', () => {
  const taken = source();
  taken.take({ kind: 'refused', stream: 'loss', code: 3507, message: 'not permitted' }, NOW);
  assert.equal(taken.complaint, "stream 'loss': not permitted");
});

test('only so many columns are drawn unless they are named', () => {
  const taken = source({ maxLines: 2 });
  taken.take(rows(0, [{ a: 1, b: 2, c: 3 }]), NOW);
  assert.deepEqual([...taken.traces.keys()], ['a', 'b']);
  assert.equal(taken.complaint, '1 more columns are not drawn; choose with y');
});

test('a stream without numbers says so', () => {
  const taken = source();
  taken.take(rows(0, [{ note: 'a' }]), NOW);
  assert.equal(taken.complaint, "stream 'loss' has no numbers to draw");
});
