/** What takes the right to manage, and what the reader is told of how it went. */
import { trans } from '../words';
import type { Ask } from './ask';
import type { Kernel } from './kernel';
import type { Server, Viewer } from './server';

/** Ask the reader, then the kernel; returns what came of it, empty where the reader said no. */
export async function closeStream(
  server: Server,
  ask: Ask,
  kernel: Kernel,
  id: number,
  stream: string,
): Promise<string> {
  const body = trans.__(
    'It ends for everybody who watches. What the kernel goes on to push to it is not sent; its code goes on.',
  );
  if (!(await ask.confirm(trans.__('Close %1?', stream), body, trans.__('Close')))) return '';
  try {
    await server.close(kernel.id, id);
    return trans.__('%1 was closed.', stream);
  } catch (error) {
    return trans.__('%1 was not closed: %2.', stream, messageOf(error));
  }
}

/** Show a viewer the door; returns what came of it. */
export async function disconnect(
  server: Server,
  kernelId: string,
  { id, name }: Viewer,
): Promise<string> {
  try {
    await server.disconnect(kernelId, id);
    return trans.__('%1 was disconnected.', name);
  } catch (error) {
    return trans.__('%1 was not disconnected: %2.', name, messageOf(error));
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
