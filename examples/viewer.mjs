// Prints a stream's rows as JSON, resuming after cuts, without a line of jupyter_sio's own code:
//   npm install && node viewer.mjs http://localhost:8888/ <kernel id> <token> <stream>
import { tableFromIPC } from '@uwdata/flechette';
import { io } from 'socket.io-client';

const [url, kernel, token, stream] = process.argv.slice(2);
const door = new URL('jupyter-sio/socket.io/', url);
const socket = io(`${door.origin}/kernels/${kernel}`, {
  path: door.pathname,
  transports: ['websocket'],
  auth: { protocol: 1 },
  extraHeaders: { Authorization: `token ${token}` },
});
let epoch = null;
let next = 0; // the first row not yet printed

function begin(told) {
  if (told.ok === false) end(told);
  else if (told.epoch && !told.recovered) ({ epoch, start: next } = told);
}

function end({ code, message, reason = message }) {
  if (code < 3500) return; // it will be tried again
  console.error(reason);
  socket.disconnect();
}

socket.on('connect', () => {
  socket.emit('$subscribe', { stream, since: epoch && [epoch, next] }, begin);
});
socket.on('$reset', begin);
socket.on('$gap', ([, from, to, why]) => {
  console.error(`rows ${from} to ${to - 1} are missing: ${why}`);
  next = to;
});
socket.on('$batch', ([, offset, , ...counts], ...payloads) => {
  payloads.forEach((payload, i) => {
    const rows = tableFromIPC(new Uint8Array(payload)).toArray();
    // a payload may begin with rows that came before
    rows.slice(Math.max(0, next - offset)).forEach(row => console.log(JSON.stringify(row)));
    offset += counts[i];
    next = Math.max(next, offset);
  });
});
socket.on('$bye', end);
socket.on('connect_error', error => error.data && end({ ...error.data, reason: error.message }));
