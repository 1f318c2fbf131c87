import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableStill } from '../../src/view/still';

const COLUMNS = [
  { name: 'row', side: 'right' },
  { name: 'name', side: 'left' },
  { name: 'points', side: 'right' },
] as const;
const still = (cell: string) => tableStill(COLUMNS, [['0', cell, '7']], '1 row').data;

test('a table is kept as text, its columns in line', () => {
  const rows = [
    ['9', 'ada', '7'],
    ['10', 'grace', '12'],
  ];
  assert.equal(
    tableStill(COLUMNS, rows, '2 rows').data['text/plain'],
    ['row  name   points', '  9  ada         7', ' 10  grace      12', '2 rows'].join('\n'),
  );
});

test('and as HTML, for those who show that', () => {
  const html = still('ada')['text/html']!;
  const [left, right] = ['style="text-align: left"', 'style="text-align: right"'];
  assert.ok(html.includes(`<th ${right}>row</th><th ${left}>name</th><th ${right}>points</th>`));
  assert.ok(html.includes(`<td ${right}>0</td><td ${left}>ada</td><td ${right}>7</td>`));
  assert.match(html, /<p>1 row<\/p>/);
});

test('what a row holds is never taken for HTML', () => {
  const html = still('<img src=x onerror="alert(1)">&\'')['text/html']!;
  assert.ok(!html.includes('<img'));
  assert.ok(html.includes('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;&#39;'));
});
