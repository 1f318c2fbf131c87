import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableStill } from '../../src/view/still';

const still = (cell: string) => tableStill(['row', 'name'], [['0', cell]], '1 row').data;

test('a table is kept as text, its columns in line', () => {
  const rows = [
    ['9', 'ada'],
    ['10', 'grace'],
  ];
  assert.equal(
    tableStill(['row', 'name'], rows, '2 rows').data['text/plain'],
    ['row   name', '  9    ada', ' 10  grace', '2 rows'].join('\n'),
  );
});

test('and as HTML, for those who show that', () => {
  const html = still('ada')['text/html']!;
  assert.match(html, /<th>row<\/th><th>name<\/th>/);
  assert.match(html, /<td>0<\/td><td>ada<\/td>/);
  assert.match(html, /<p>1 row<\/p>/);
});

test('what a row holds is never taken for HTML', () => {
  const html = still('<img src=x onerror="alert(1)">&\'')['text/html']!;
  assert.ok(!html.includes('<img'));
  assert.ok(html.includes('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;&#39;'));
});
