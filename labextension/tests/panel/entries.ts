/** Entries of the directory, as the server writes them. */

export const streamEntry = (fields: object = {}): object => ({
  id: 1,
  stream: 'loss',
  media: 'application/vnd.apache.arrow.stream',
  mode: 'every',
  epoch: 'aaaaaaaa',
  first: 0,
  next: 10,
  ended: false,
  bytes: 100,
  rows_per_second: 1,
  bytes_per_second: 10,
  ...fields,
});

export const entry = (fields: object = {}): object => ({
  kernel_id: 'k1',
  name: 'a.ipynb',
  path: 'work/a.ipynb',
  state: 'idle',
  publisher: 'online',
  since: 1000,
  started: 500,
  streams: [],
  viewers: 0,
  ...fields,
});
