/**
 * What a viewer watches, and the addresses this gives. Source: protocol.md §3.
 */

/** A kernel on a server, by Jupyter's cookie (same origin), by token, or by a ready ticket. */
export interface KernelTarget {
  /** With its last slash, escaped: `/user/a%40b/`, or a whole URL. */
  baseUrl: string;
  kernelId: string;
  token?: string;
  /** Opens one socket: there is no reconnecting with it. */
  ticket?: string;
}

/** A share link: `…/jupyter-sio/live/#SECRET`. */
export interface LinkTarget {
  link: string;
}

/** A target, or a share link as it stands. */
export type Target = KernelTarget | LinkTarget | string;

/** How to prove who one is. */
export type Proof =
  | { by: 'identity'; token: string }
  | { by: 'ticket'; ticket: string }
  | { by: 'link'; secret: string };

export interface Address {
  /** Scheme, host and port, without a slash. */
  origin: string;
  /** The server's base URL as a path, with its last slash, escaped as it was given. */
  base: string;
  /** Empty for a link, until its ticket says. */
  kernelId: string;
  proof: Proof;
}

/** Where the viewer page is, under the base URL. */
export const PAGE = 'jupyter-sio/live/';

/**
 * Read a target.
 *
 * @param here - the page's own URL, for a base URL that is only a path
 * @throws TypeError - where it is neither a share link nor a kernel on a server
 */
export function readTarget(target: Target, here: string | undefined): Address {
  if (typeof target === 'string') return readLink(target, here);
  if ('link' in target) return readLink(target.link, here);
  const { baseUrl, kernelId, token = '', ticket } = target;
  if (!isKernelId(kernelId)) {
    throw new TypeError('a target has the kernelId that Jupyter gave, or is a share link');
  }
  const { origin, pathname } = new URL(baseUrl, here);
  const base = pathname.endsWith('/') ? pathname : `${pathname}/`;
  const proof: Proof = ticket ? { by: 'ticket', ticket } : { by: 'identity', token };
  return { origin, base, kernelId, proof };
}

function readLink(link: string, here: string | undefined): Address {
  const { origin, pathname, hash } = new URL(link, here);
  const path = pathname.endsWith('/') ? pathname : `${pathname}/`;
  if (!path.endsWith(`/${PAGE}`) || hash.length < 2) {
    throw new TypeError(`a share link looks like http://host/${PAGE}#secret`);
  }
  const secret = decodeURIComponent(hash.slice(1));
  return { origin, base: path.slice(0, -PAGE.length), kernelId: '', proof: { by: 'link', secret } };
}

/** What would end a name in a Socket.IO packet or a path is in no kernel's id. */
export const isKernelId = (id: string): boolean => /^[\w.-]+$/.test(id);

export const socketPath = ({ base }: Address): string => `${base}jupyter-sio/socket.io/`;

export const apiUrl = ({ origin, base }: Address, path: string): string =>
  `${origin}${base}jupyter-sio/api/${path}`;

export const namespaceOf = (kernelId: string): string => `/kernels/${kernelId}`;
