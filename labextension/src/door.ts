/**
 * Getting in: what a socket has to show, and, since a browser cannot see why a WebSocket was
 * refused, whether to try again. Source: protocol.md §3.
 */
import { type Address, apiUrl, namespaceOf, socketPath } from './protocol/target';
import { anyOf } from './signals';
import type { World } from './world';

/** What it takes to open a socket once. */
export interface Pass {
  origin: string;
  path: string;
  namespace: string;
  query: Record<string, string>;
  /** It is to share its connection with no other namespace. */
  alone?: boolean;
}

/** What a ticket said that its holder may do. */
export interface Rights {
  kernelId: string;
  grants: readonly string[];
  /** Globs; none means all. */
  streams: readonly string[];
  /** Events that may be sent. */
  events: readonly string[];
}

/** Trying again is pointless: the kernel is gone, or this is not permitted. */
export class Closed extends Error {
  override name = 'Closed';

  constructor(
    readonly why: 'ended' | 'refused',
    message: string,
  ) {
    super(message);
  }
}

/**
 * Something else answered in the server's place: a proxy, or JupyterHub while the server is stopped
 * or being started, be it with a login page. Its no is not ours, and may be over at any moment.
 */
export class NotThere extends Error {
  override name = 'NotThere';
}

/** Too many attempts: the server said when to come back. */
export class TooSoon extends Error {
  override name = 'TooSoon';

  constructor(
    message: string,
    readonly retryMs: number,
  ) {
    super(message);
  }
}

const FINAL: Partial<Record<number, 'ended' | 'refused'>> = {
  401: 'refused',
  403: 'refused',
  404: 'ended',
};

const ANSWER_MS = 10_000;

export class Door {
  /** Of the newest ticket; null for an identity, and before there was one. */
  rights: Rights | null = null;
  private used = false;

  constructor(
    private readonly address: Address,
    private readonly world: Pick<World, 'fetch' | 'cookie'>,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Get what it takes to open a socket; for a link that is a new ticket each time.
   *
   * @throws Closed - where trying again is pointless; anything else may be tried again
   */
  async pass(): Promise<Pass> {
    const { proof, kernelId } = this.address;
    if (proof.by === 'link') {
      const answer = await this.ask('tickets', { link: proof.secret });
      const kernelId = String(answer.kernel_id);
      const [grants, streams, events] = [answer.grants, answer.streams, answer.events].map(texts);
      this.rights = { kernelId, grants: grants!, streams: streams!, events: events! };
      return this.passTo(kernelId, { ticket: String(answer.ticket) });
    }
    if (proof.by === 'ticket') {
      if (this.used) throw new Closed('refused', 'a ticket opens one socket only');
      this.used = true;
      return this.passTo(kernelId, { ticket: proof.ticket });
    }
    return this.passTo(kernelId, proof.token ? { token: proof.token } : {});
  }

  /** After a refused handshake: throws `Closed` where the server says that it always will be. */
  async judge(): Promise<void> {
    if (this.address.proof.by !== 'identity') return; // the next ticket will tell
    const { kernelId } = this.address;
    await this.ask(`namespaces/${encodeURIComponent(kernelId)}`);
  }

  private passTo(kernelId: string, query: Record<string, string>): Pass {
    const { origin } = this.address;
    return { origin, path: socketPath(this.address), namespace: namespaceOf(kernelId), query };
  }

  private async ask(path: string, body?: object): Promise<Record<string, unknown>> {
    const headers: Record<string, string> = { Accept: 'application/json', ...this.identity() };
    const request: RequestInit = {
      headers,
      credentials: 'same-origin',
      // A redirect leads to a login page, which is no answer.
      redirect: 'manual',
      cache: 'no-store',
      signal: anyOf(this.signal, AbortSignal.timeout(ANSWER_MS)),
    };
    if (body) {
      headers['Content-Type'] = 'application/json';
      Object.assign(request, { method: 'POST', body: JSON.stringify(body) });
    }
    const response = await this.world.fetch(apiUrl(this.address, path), request);
    const answer = await objectIn(response);
    if (response.ok && answer) return answer;
    const { message, reason } = answer ?? {};
    if (typeof message !== 'string' || typeof reason !== 'string') {
      throw new NotThere(`HTTP ${response.status} is not an answer of jupyter_sio`);
    }
    const final = FINAL[response.status];
    if (final) throw new Closed(final, message);
    const seconds = Number(response.headers.get('Retry-After') ?? NaN);
    if (response.status === 429 && seconds > 0) throw new TooSoon(message, seconds * 1000);
    throw new Error(`the server answered HTTP ${response.status}`);
  }

  /** Who asks. JupyterHub wants its XSRF token even where nothing is changed. */
  private identity(): Record<string, string> {
    const { proof } = this.address;
    if (proof.by === 'identity' && proof.token) return { Authorization: `token ${proof.token}` };
    const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(this.world.cookie())?.[1];
    return xsrf ? { 'X-XSRFToken': xsrf } : {};
  }
}

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** Read what every answer of ours is: a JSON object. */
async function objectIn(response: Response): Promise<Record<string, unknown> | null> {
  try {
    const found: unknown = await response.json();
    return typeof found === 'object' ? (found as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}
