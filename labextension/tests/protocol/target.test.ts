import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiUrl, readTarget, socketPath } from '../../src/protocol/target';

test('a share link gives the server and the secret, and an escaped base URL stays escaped', () => {
  const address = readTarget('https://hub.example/user/a%40b/jupyter-sio/live/#s3cret', undefined);
  assert.deepEqual(address.proof, { by: 'link', secret: 's3cret' });
  assert.equal(socketPath(address), '/user/a%40b/jupyter-sio/socket.io/');
  assert.equal(
    apiUrl(address, 'tickets'),
    'https://hub.example/user/a%40b/jupyter-sio/api/tickets',
  );
});

test('a base URL that is a path belongs to the page it is used in', () => {
  const target = { baseUrl: '/user/a%40b/', kernelId: 'k' };
  const address = readTarget(target, 'http://host:8888/user/a%40b/lab/tree/x.ipynb?reset');
  assert.equal(apiUrl(address, 'x'), 'http://host:8888/user/a%40b/jupyter-sio/api/x');
});

test('a missing last slash is added', () => {
  const address = readTarget({ baseUrl: 'http://host/base', kernelId: 'k' }, undefined);
  assert.equal(socketPath(address), '/base/jupyter-sio/socket.io/');
});

test('what is no share link is refused, and the message does not repeat it', () => {
  for (const link of ['https://host/lab#secret', 'https://host/jupyter-sio/live/']) {
    assert.throws(() => readTarget(link, undefined), {
      name: 'TypeError',
      message: 'a share link looks like http://host/jupyter-sio/live/#secret',
    });
  }
});

test('a kernel has to be named', () => {
  for (const kernelId of ['', 'a,b', 'a/b', 'a?b']) {
    assert.throws(() => readTarget({ baseUrl: '/', kernelId }, 'http://host/'), /kernelId/);
  }
});
