import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { toArrow } from '../../src/page/arrow';
import { ARROW } from '../../src/protocol/messages';
import { readPayload, type Table } from '../../src/protocol/payload';
import { tableOf } from '../tables';

const reread = (...tables: Table[]): Table =>
  readPayload(ARROW, toArrow(tables.map(table => ({ table, skip: 0 }))));

const values = (table: Table, name: string): unknown[] =>
  Array.from({ length: table.rows }, (_, row) => table.column(name)!.at(row));

test('columns of several payloads are one table, absent values null', () => {
  const table = reread(tableOf([{ a: 1.5, t: 'x' }]), tableOf([{ a: 2, ok: true }, {}]));
  assert.deepEqual(values(table, 'a'), [1.5, 2, null]);
  assert.deepEqual(values(table, 't'), ['x', null, null]);
  assert.deepEqual(values(table, 'ok'), [null, true, null]);
});

test('whatever a kernel sends can be written, and reads as it did', () => {
  const cases = JSON.parse(readFileSync('tests/fixtures/payloads.json', 'utf8')) as {
    name: string;
    payload: string;
  }[];
  for (const { name, payload } of cases) {
    const table = readPayload(ARROW, new Uint8Array(Buffer.from(payload, 'base64')));
    const again = reread(table);
    assert.equal(again.rows, table.rows, name);
    for (const column of table.names) {
      const { kind } = table.column(column)!;
      if (kind !== 'number' && kind !== 'time') continue;
      assert.equal(again.column(column)!.kind, kind, `${name}: ${column}`);
      const [given, got] = [table, again].map(each => [...each.column(column)!.numbers()]);
      assert.deepEqual(got!.map(Math.round), given!.map(Math.round), `${name}: ${column}`);
    }
  }
});
