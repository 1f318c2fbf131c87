/** The server's REST, as the page of a logged-in user asks it. */
import { PAGE } from '../protocol/target';

export interface Answer {
  /** 0 where the server does not answer, or answers with somebody else's page. */
  status: number;
  body: unknown;
}

const ANSWER_MS = 15_000;

/** The server's base URL as a path, with its last slash, read off the page's own address. */
export function baseOf(pathname: string): string {
  const path = pathname.endsWith('/') ? pathname : `${pathname}/`;
  return path.endsWith(PAGE) ? path.slice(0, -PAGE.length) : '/';
}

export class Api {
  /** @param token - where the reader has no cookie */
  constructor(
    readonly base = baseOf(location.pathname),
    private readonly token = '',
  ) {}

  async ask(method: string, path: string, body?: object): Promise<Answer> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    // JupyterHub wants it even where nothing is changed.
    const xsrf = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie)?.[1];
    if (xsrf) headers['X-XSRFToken'] = xsrf;
    if (this.token) headers.Authorization = `token ${this.token}`;
    if (body) headers['Content-Type'] = 'application/json';
    try {
      const response = await fetch(this.base + path, {
        method,
        headers,
        // A redirect leads to a login page, which is no answer.
        redirect: 'manual',
        cache: 'no-store',
        signal: AbortSignal.timeout(ANSWER_MS),
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const found = await jsonOf(response);
      // What is no answer of Jupyter's is a proxy's, in place of a server that is stopped.
      const answered = found !== null || response.status === 204;
      return { status: answered ? response.status : 0, body: found };
    } catch {
      return { status: 0, body: null };
    }
  }
}

async function jsonOf(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** The words of an error's answer. */
export function messageOf({ status, body }: Answer): string {
  const message = (body as { message?: unknown } | null)?.message;
  if (typeof message === 'string' && message) return message;
  return status === 0 ? 'the server does not answer' : `the server answered HTTP ${status}`;
}
