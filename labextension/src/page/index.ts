/**
 * The viewer page: by a share link the streams it permits, for somebody who is logged in all kernels
 * of the server. Source: protocol.md §3.
 *
 * The secret stays in the fragment: it is sent to no server by itself, and a reload needs it.
 */
import { connect } from '../client';
import { isKernelId } from '../protocol/target';
import { make, setText } from '../view/dom';
import { type Answer, Api, messageOf } from './api';
import { type Kernel, Kernels } from './kernels';
import { Live } from './live';
import { capital, explain, link } from './parts';
import { readRoute } from './route';
import { Share } from './share';
import type { Notice } from './words';

const place = document.getElementById('page')!;
const RETRY_MS = 3_000;
/** In place of the link's label, which is its maker's alone to see. */
const GUEST = 'guest';

let current = new AbortController();

function show(): void {
  current.abort();
  current = new AbortController();
  const route = readRoute(location.hash);
  forgetToken();
  place.replaceChildren();
  if (route.to === 'link') showLink(route.secret, current.signal);
  else if (route.to === 'nowhere') showNoLink();
  else void showToUser(route.to === 'kernel' ? route.kernelId : null, current.signal);
}

/** A token in the address has set Jupyter's cookie by now; it must not stay to be looked at. */
function forgetToken(): void {
  const query = new URLSearchParams(location.search);
  if (!query.has('token')) return;
  query.delete('token');
  const rest = query.size > 0 ? `?${query.toString()}` : '';
  history.replaceState(null, '', location.pathname + rest + location.hash);
}

function showNoLink(): void {
  explain(
    place,
    'This link is not complete',
    'A part of it is missing or was changed on its way. Copy it again, all of it, or ask whoever gave it to you for a new one.',
  );
}

function showLink(secret: string, signal: AbortSignal): void {
  const address = `${location.origin}${new Api().base}jupyter-sio/live/#${secret}`;
  const connection = connect({ link: address }, { name: GUEST, kind: 'page', signal });
  const events = (): readonly string[] => connection.rights?.events ?? [];
  const nothing = (notice: Notice): void => {
    current.abort();
    explain(place, capital(notice.text), notice.detail);
  };
  const options = { title: 'Live data', byLink: true, extras: [], events, nothing };
  new Live(place, connection, options, signal);
}

// --- logged in ------------------------------------------------------------------------------

interface Me {
  identity: { display_name?: string; username?: string };
  permissions: { jupyter_sio?: string[] };
}

async function showToUser(kernelId: string | null, signal: AbortSignal): Promise<void> {
  // Jupyter would refuse the question too, and the browser would call that an error.
  if (document.documentElement.dataset.user === 'nobody') {
    showLoggedOut();
    return;
  }
  const api = new Api();
  const asked = encodeURIComponent(JSON.stringify({ jupyter_sio: ['read', 'write', 'execute'] }));
  const answer = await api.ask('GET', `api/me?permissions=${asked}`);
  if (signal.aborted) return;
  if (answer.status === 401 || answer.status === 403) showLoggedOut();
  else if (answer.status !== 200) retry(answer, signal);
  else {
    const me = answer.body as Me;
    const permitted = me.permissions.jupyter_sio ?? [];
    if (!permitted.includes('read')) showForbidden(me);
    else if (kernelId === null) new Kernels(place, api, showLoggedOut, signal);
    else showKernel(api, kernelId, permitted, signal);
  }
}

function retry(answer: Answer, signal: AbortSignal): void {
  explain(place, capital(messageOf(answer)), 'This page goes on trying.');
  setTimeout(() => {
    if (!signal.aborted) show();
  }, RETRY_MS);
}

function showLoggedOut(): void {
  current.abort();
  const login = document.documentElement.dataset.login ?? '';
  explain(
    place,
    'You are not logged in',
    'This page shows live data of a Jupyter server. To watch by a link, open the whole link that was given to you, with all that follows its #.',
    link('Log in to Jupyter', login, 'page-main'),
  );
}

function showForbidden(me: Me): void {
  const name = me.identity.display_name ?? me.identity.username ?? 'you';
  explain(
    place,
    'You may not watch here',
    `You are logged in as ${name}, whom this server does not permit to watch its kernels.`,
  );
}

function showKernel(
  api: Api,
  kernelId: string,
  permitted: readonly string[],
  signal: AbortSignal,
): void {
  if (!isKernelId(kernelId)) {
    showNoLink();
    return;
  }
  const nav = make('nav', 'page-nav');
  nav.append(link('← All kernels', '#'));
  place.append(nav);
  const share = permitted.includes('execute') ? new Share(api, kernelId, signal) : null;
  const connection = connect({ baseUrl: api.base, kernelId }, { kind: 'page', signal });
  const extras = share ? [share.toggle] : [];
  const events = (): readonly string[] | null => (permitted.includes('write') ? null : []);
  const nothing = (notice: Notice): void => {
    current.abort();
    explain(place, capital(notice.text), notice.detail, link('All kernels', '#', 'page-main'));
  };
  const options = { title: 'Kernel', byLink: false, extras, events, nothing };
  const live = new Live(place, connection, options, signal);
  if (share) place.insertBefore(share.element, place.querySelector('.page-detail'));
  void nameKernel(api, kernelId, live.heading);
}

async function nameKernel(api: Api, kernelId: string, heading: HTMLElement): Promise<void> {
  const answer = await api.ask('GET', `jupyter-sio/api/namespaces/${encodeURIComponent(kernelId)}`);
  const { name = '', path = '' } = (answer.body ?? {}) as Partial<Kernel>;
  setText(heading, name || kernelId.slice(0, 8));
  heading.title = path;
}

addEventListener('hashchange', show);
show();
