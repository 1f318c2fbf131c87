import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Touches } from '../../src/view/touch';

function stage() {
  const told: [string, ...number[]][] = [];
  const touches = new Touches({
    pan: right => told.push(['pan', right]),
    scale: (factor, at) => told.push(['scale', factor, at]),
  });
  return { touches, told };
}

test('one finger moves the view with it', () => {
  const { touches, told } = stage();
  touches.down(1, 100);
  touches.move(1, 150, 200);
  touches.move(1, 140, 200);
  assert.deepEqual(told, [
    ['pan', -0.25],
    ['pan', 0.05],
  ]);
});

test('a tap moves nothing', () => {
  const { touches, told } = stage();
  touches.down(1, 100);
  touches.move(1, 104, 200);
  touches.up(1);
  touches.move(1, 190, 200);
  assert.deepEqual(told, []);
});

test('two fingers zoom about their middle', () => {
  const { touches, told } = stage();
  touches.down(1, 50);
  touches.down(2, 100);
  touches.move(2, 150, 200);
  assert.deepEqual(told, [['scale', 0.5, 0.5]]);
  touches.up(1);
  touches.move(2, 200, 200);
  assert.equal(told.at(-1)![0], 'pan');
});

test('fingers that meet do not zoom to nothing', () => {
  const { touches, told } = stage();
  touches.down(1, 50);
  touches.down(2, 100);
  touches.move(2, 50, 200);
  assert.deepEqual(told, [['scale', 2.5, 0.25]]);
});
