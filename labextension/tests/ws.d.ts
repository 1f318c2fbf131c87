/** The part of socket.io-client's own WebSocket library that a test uses. */
declare module 'ws' {
  import type { EventEmitter } from 'node:events';

  export interface WebSocket extends EventEmitter {
    send(data: string): void;
    terminate(): void;
    on(event: 'message', listener: (data: Buffer) => void): this;
  }

  export class WebSocketServer extends EventEmitter {
    constructor(options: { port: number; host: string });
    address(): unknown;
    close(): void;
    on(event: 'connection', listener: (socket: WebSocket) => void): this;
  }
}
