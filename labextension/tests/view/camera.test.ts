import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Camera, type Scene } from '../../src/view/camera';
import type { Range } from '../../src/view/range';
import type { Extremes } from '../../src/view/trace';

const scene = (whole: Range | null, extremes: Extremes = [0, 100, 1]): Scene => ({
  whole,
  unit: 1,
  extremes: () => extremes,
});

function looking(whole: Range | null = [0, 100], last: number | null = null): Camera {
  const camera = new Camera(last, false);
  camera.look(scene(whole));
  return camera;
}

test('at first everything is shown, with a margin above and below', () => {
  const camera = looking();
  assert.deepEqual(camera.x, [0, 100]);
  assert.deepEqual(camera.y, [-6, 106]);
  assert.equal(camera.moved, false);
});

test('what follows shows as much as `last`, back from the newest', () => {
  const camera = looking([0, 100], 30);
  assert.deepEqual(camera.x, [70, 100]);
  camera.look(scene([0, 110]));
  assert.deepEqual(camera.x, [80, 110]);
});

test('a part that ends before the newest row is held', () => {
  const camera = looking();
  camera.zoom([20, 40], null, [0, 100]);
  camera.look(scene([0, 200]));
  assert.deepEqual(camera.x, [20, 40]);
  assert.equal(camera.following, false);
});

test('a part that reaches up to the newest row follows it', () => {
  const camera = looking();
  camera.zoom([90, 100], null, [0, 100]);
  camera.look(scene([0, 150]));
  assert.deepEqual(camera.x, [140, 150]);
});

test('following again keeps the width', () => {
  const camera = looking();
  camera.zoom([20, 40], null, [0, 100]);
  camera.toggleFollow();
  camera.look(scene([0, 100]));
  assert.deepEqual(camera.x, [80, 100]);
});

test('to hold is to keep exactly what is shown', () => {
  const camera = looking();
  camera.toggleFollow();
  camera.look(scene([0, 500]));
  assert.deepEqual(camera.x, [0, 100]);
});

test('panning moves by widths, and holds', () => {
  const camera = looking();
  camera.pan(-0.5, 0);
  camera.look(scene([0, 100]));
  assert.deepEqual(camera.x, [-50, 50]);
  assert.equal(camera.following, false);
});

test('a box holds y as well, and panning moves it', () => {
  const camera = looking();
  camera.zoom([20, 40], [10, 20], [0, 100]);
  camera.look(scene([0, 100]));
  assert.deepEqual(camera.y, [10, 20]);
  camera.pan(0, 0.5);
  camera.look(scene([0, 100]));
  assert.deepEqual(camera.y, [15, 25]);
});

test('scaling keeps the point under the pointer where it is', () => {
  const camera = looking();
  camera.toggleFollow();
  camera.scale(0.5, 0.25);
  camera.look(scene([0, 100]));
  assert.deepEqual(camera.x, [12.5, 62.5]);
});

test('there is no zooming in until numbers cannot be told apart, nor out to infinity', () => {
  const camera = looking([1e9, 1e9 + 1]);
  camera.toggleFollow();
  for (let step = 0; step < 200; step++) {
    camera.scale(0.5, 0.5);
    camera.look(scene([1e9, 1e9 + 1]));
  }
  assert.ok(camera.x[1] - camera.x[0] > 1e-4);
  for (let step = 0; step < 5_000; step++) {
    camera.scale(2, 0.5);
    camera.look(scene([1e9, 1e9 + 1]));
  }
  assert.ok(Number.isFinite(camera.x[1] - camera.x[0]));
});

test('an empty drag is no zoom', () => {
  const camera = looking();
  camera.zoom([40, 40], null, [0, 100]);
  assert.equal(camera.moved, false);
});

test('reset leads back to everything', () => {
  const camera = looking();
  camera.zoom([20, 40], [1, 2], [0, 100]);
  camera.reset();
  camera.look(scene([0, 300]));
  assert.deepEqual([camera.x, camera.following], [[0, 300], true]);
  assert.deepEqual(camera.y, [-6, 106]);
});

test('one row, one value and nothing at all each have a range that is not empty', () => {
  const one = new Camera(null, false);
  one.look(scene([5, 5], [7, 7, 7]));
  assert.deepEqual(one.x, [4.5, 5.5]);
  assert.ok(one.y[0] < 7 && one.y[1] > 7);
  const none = new Camera(null, false);
  none.look(scene(null, [Infinity, -Infinity, Infinity]));
  assert.deepEqual(
    [none.x, none.y],
    [
      [0, 1],
      [0, 1],
    ],
  );
});

test('a logarithmic y begins at the least value that has a logarithm', () => {
  const camera = new Camera(null, true);
  camera.look(scene([0, 1], [-5, 100, 1]));
  assert.ok(camera.y[0] > 0.5 && camera.y[0] < 1);
  assert.ok(camera.y[1] > 100);
  camera.look(scene([0, 1], [-5, -1, Infinity]));
  assert.deepEqual(camera.y, [0.1, 10]);
});
