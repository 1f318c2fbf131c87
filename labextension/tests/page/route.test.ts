import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseOf } from '../../src/page/api';
import { fileName } from '../../src/page/parts';
import { readRoute } from '../../src/page/route';

const SECRET = 'abcDEF-_0123456789abcDEF-_0123456789abcdefg';

test('the fragment is a secret, a kernel, or nothing', () => {
  assert.deepEqual(readRoute(`#${SECRET}`), { to: 'link', secret: SECRET });
  assert.deepEqual(readRoute('#/kernels/a-1'), { to: 'kernel', kernelId: 'a-1' });
  assert.deepEqual(readRoute(''), { to: 'home' });
  assert.deepEqual(readRoute('#'), { to: 'home' });
});

test('what is no secret is not sent anywhere', () => {
  for (const hash of ['#x', '#%', '#<img src=x>', `#${SECRET} `, `#${'a'.repeat(70_000)}`]) {
    assert.deepEqual(readRoute(hash), { to: 'nowhere' });
  }
  assert.deepEqual(readRoute('#/kernels/%'), { to: 'kernel', kernelId: '' });
});

test('the base URL is what stands before the page, escaped as it was', () => {
  assert.equal(baseOf('/user/a%40b/jupyter-sio/live/'), '/user/a%40b/');
  assert.equal(baseOf('/jupyter-sio/live'), '/');
});

test('a stream’s name is a file’s, whatever is in it', () => {
  assert.equal(fileName('../../etc/passwd', 'csv'), '.._.._etc_passwd.csv');
  assert.equal(fileName('\u202e<b>', 'csv'), '_b_.csv');
});
