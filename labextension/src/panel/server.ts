/** What the panel asks the server by REST: what the wire does not tell, and what it may do. */
import { type Answer, type Api, messageOf } from '../page/api';
import type { Lister } from './directory';

export interface Rights {
  watch: boolean;
  send: boolean;
  manage: boolean;
}

export interface Viewer {
  id: string;
  name: string;
  grants: readonly string[];
  kind: string;
  /** ms since 1970. */
  since: number;
  /** Rows owed. */
  lag: number;
}

export interface ShareLink {
  id: string;
  kernel_id: string;
  label: string;
  streams: readonly string[];
  send: readonly string[];
  /** ms since 1970. */
  expires: number;
  uses: number;
  viewers: readonly { id: string; name: string }[];
}

export interface NewLink {
  kernel_id: string;
  streams: readonly string[];
  send: readonly string[];
  expires: string;
  label: string;
}

/** The server did not do it; its words. */
export class NotDone extends Error {
  override name = 'NotDone';
}

const API = 'jupyter-sio/api/';
/** What merely looks must not keep a kernel or a server from being culled. */
const LOOK = '?no_track_activity=1';
const ASKED = encodeURIComponent(JSON.stringify({ jupyter_sio: ['read', 'write', 'execute'] }));

export class Server implements Lister {
  constructor(private readonly api: Pick<Api, 'ask'>) {}

  /** Null where the server does not answer. */
  async rights(): Promise<Rights | null> {
    const { status, body } = await this.api.ask('GET', `api/me?permissions=${ASKED}`);
    if (status !== 200) return null;
    const { permissions } = body as { permissions?: { jupyter_sio?: string[] } };
    const allowed = permissions?.jupyter_sio ?? [];
    return {
      watch: allowed.includes('read'),
      send: allowed.includes('write'),
      manage: allowed.includes('execute'),
    };
  }

  async kernels(): Promise<unknown[] | 'refused' | null> {
    const { status, body } = await this.api.ask('GET', `${API}namespaces${LOOK}`);
    if (status === 401 || status === 403) return 'refused';
    return status === 200 && Array.isArray(body) ? body : null;
  }

  /** Who watches a kernel; none where it is gone. */
  async viewers(kernelId: string): Promise<readonly Viewer[]> {
    const path = `${API}namespaces/${encodeURIComponent(kernelId)}${LOOK}`;
    const { status, body } = await this.api.ask('GET', path);
    return status === 200 ? (body as { viewers: Viewer[] }).viewers : [];
  }

  async disconnect(kernelId: string, viewerId: string): Promise<void> {
    const [kernel, viewer] = [kernelId, viewerId].map(encodeURIComponent);
    // Who has left meanwhile is where the asker wants him.
    await this.remove(`${API}namespaces/${kernel}/viewers/${viewer}`);
  }

  /** Have the kernel close a stream. */
  async close(kernelId: string, streamId: number): Promise<void> {
    await this.remove(`${API}namespaces/${encodeURIComponent(kernelId)}/streams/${streamId}`);
  }

  async links(kernelId: string): Promise<readonly ShareLink[]> {
    const answer = expect(200, await this.api.ask('GET', `${API}links${LOOK}`));
    return (answer as ShareLink[]).filter(link => link.kernel_id === kernelId);
  }

  /** Its whole address, told only now. */
  async share(wanted: NewLink): Promise<string> {
    const answer = expect(201, await this.api.ask('POST', `${API}links`, wanted));
    return (answer as { url: string }).url;
  }

  async revoke(linkId: string): Promise<void> {
    await this.remove(`${API}links/${encodeURIComponent(linkId)}`);
  }

  private async remove(path: string): Promise<void> {
    const answer = await this.api.ask('DELETE', path);
    if (answer.status !== 404) expect(204, answer);
  }
}

function expect(status: number, answer: Answer): unknown {
  if (answer.status !== status) throw new NotDone(messageOf(answer));
  return answer.body;
}
