/** What the fragment of the page's address asks for. */

export type Route =
  | { to: 'home' }
  | { to: 'kernel'; kernelId: string }
  | { to: 'link'; secret: string }
  | { to: 'nowhere' };

const KERNEL = '/kernels/';
/** A secret is 43 characters of base64url; more is taken, for the day it grows. */
const SECRET = /^[\w-]{16,512}$/;

export function readRoute(hash: string): Route {
  const fragment = hash.replace(/^#/, '');
  if (fragment === '' || fragment === '/') return { to: 'home' };
  if (fragment.startsWith(KERNEL)) return { to: 'kernel', kernelId: decoded(fragment) };
  return SECRET.test(fragment) ? { to: 'link', secret: fragment } : { to: 'nowhere' };
}

function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment.slice(KERNEL.length));
  } catch {
    return '';
  }
}
