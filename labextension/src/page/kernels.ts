/** All kernels of the server, for somebody who is logged in. */
import { make, setText } from '../view/dom';
import { formatCount } from '../view/format';
import { type Api, messageOf } from './api';
import { capital, link, repeatedly } from './parts';

/** The part of `GET namespaces` that is shown. */
export interface Kernel {
  kernel_id: string;
  name: string;
  path: string;
  state: string;
  publisher: string;
  streams: { stream: string; ended: boolean }[];
  viewers: number;
  rows_per_second: number;
}

const REFRESH_MS = 2_000;
const MOST_NAMES = 6;

export class Kernels {
  private readonly list = make('ul', 'page-kernels');
  private readonly said = make('p', 'page-empty');
  private shown = '';

  constructor(
    place: HTMLElement,
    private readonly api: Api,
    private readonly loggedOut: () => void,
    signal: AbortSignal,
  ) {
    const bar = make('header', 'page-bar');
    bar.append(make('h1', '', 'Live data of this server'));
    const main = make('main', 'page-directory');
    this.said.setAttribute('role', 'status');
    main.append(this.said, this.list);
    place.append(bar, main);
    document.title = 'Live data of this server';
    repeatedly(this.refresh, REFRESH_MS, signal);
  }

  private readonly refresh = async (): Promise<void> => {
    const answer = await this.api.ask('GET', 'jupyter-sio/api/namespaces?no_track_activity=1');
    if (answer.status === 401 || answer.status === 403) {
      this.loggedOut();
      return;
    }
    this.list.dataset.stale = String(answer.status !== 200);
    if (answer.status !== 200) {
      setText(this.said, `${capital(messageOf(answer))}. This page goes on trying.`);
      return;
    }
    const kernels = answer.body as Kernel[];
    const none = 'No kernel runs here. Start a notebook, and push rows to a stream.';
    setText(this.said, kernels.length === 0 ? none : '');
    const shape = JSON.stringify(kernels);
    if (shape === this.shown) return; // a link that is being clicked stays where it is
    this.shown = shape;
    this.list.replaceChildren(...kernels.map(row));
  };
}

function row(kernel: Kernel): HTMLElement {
  const item = make('li', '');
  const title = make('span', 'page-kernel-name', kernel.name || kernel.kernel_id.slice(0, 8));
  title.dir = 'auto';
  // The name is mostly the path's own end.
  const folder = kernel.path === kernel.name ? '' : kernel.path;
  const path = make('span', 'page-kernel-path', folder);
  const state = make('span', 'page-kernel-state', kernel.state);
  state.dataset.state = kernel.state;
  const names = kernel.streams.map(({ stream }) => stream);
  const left = names.length - MOST_NAMES;
  const streams = [...names.slice(0, MOST_NAMES), ...(left > 0 ? [`and ${left} more`] : [])];
  const facts = [
    streams.length > 0 ? streams.join(', ') : 'no streams',
    `${formatCount(kernel.viewers)} ${kernel.viewers === 1 ? 'viewer' : 'viewers'}`,
    kernel.rows_per_second > 0 ? `${formatCount(kernel.rows_per_second)} rows/s` : '',
  ];
  const anchor = link('', `#/kernels/${encodeURIComponent(kernel.kernel_id)}`);
  anchor.append(title, state, path);
  anchor.append(make('span', 'page-kernel-facts', facts.filter(Boolean).join(' · ')));
  item.append(anchor);
  return item;
}
