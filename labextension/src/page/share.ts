/** Share links of one kernel: make one, see who uses which, take one back. */
import { anyOf } from '../signals';
import { make, setText } from '../view/dom';
import { formatTime } from '../view/format';
import { type Api, messageOf } from './api';
import { button, repeatedly } from './parts';

/** The part of `GET links` that is shown. */
interface Entry {
  id: string;
  kernel_id: string;
  label: string;
  streams: string[];
  send: string[];
  created: number;
  expires: number;
  uses: number;
  viewers: { name: string }[];
}

const REFRESH_MS = 3_000;
const LIFETIMES = [
  ['1h', '1 hour'],
  ['24h', '1 day'],
  ['7d', '7 days'],
] as const;

export class Share {
  readonly element = make('section', 'page-share');
  readonly toggle: HTMLButtonElement;
  private readonly label = field('For whom (only you see this)', 'Ada');
  private readonly streams = field('Streams, * for any part of a name', 'all');
  private readonly events = field('Events it may send', 'none');
  private readonly lifetime = make('select', '');
  private readonly said = make('p', 'page-said');
  private readonly made = make('div', 'page-made');
  private readonly list = make('ul', 'page-links');
  private open: AbortController | null = null;

  constructor(
    private readonly api: Api,
    private readonly kernelId: string,
    private readonly signal: AbortSignal,
  ) {
    this.toggle = button('Share', () => {
      this.flip();
    });
    this.toggle.setAttribute('aria-expanded', 'false');
    this.element.hidden = true;
    this.build();
  }

  private flip(): void {
    const opens = this.open === null;
    this.open?.abort();
    this.open = opens ? new AbortController() : null;
    this.element.hidden = !opens;
    this.toggle.setAttribute('aria-expanded', String(opens));
    if (!this.open) return;
    const signal = anyOf(this.open.signal, this.signal);
    repeatedly(this.refresh, REFRESH_MS, signal);
  }

  private build(): void {
    const form = make('form', 'page-form');
    for (const [value, text] of LIFETIMES) {
      const option = make('option', '', text);
      option.value = value;
      option.selected = value === '24h';
      this.lifetime.append(option);
    }
    const until = make('label', '', 'Works for');
    until.append(this.lifetime);
    const submit = make('button', 'page-main', 'Make a link');
    submit.type = 'submit';
    form.append(this.label.row, this.streams.row, this.events.row, until, submit);
    form.addEventListener('submit', event => {
      event.preventDefault();
      void this.make();
    });
    this.said.setAttribute('role', 'status');
    this.made.hidden = true;
    const words = 'Whoever has the link can watch without a login, and cannot execute anything.';
    const title = make('h2', '', 'Share');
    this.element.append(title, make('p', '', words), form, this.said, this.made, this.list);
  }

  private async make(): Promise<void> {
    const answer = await this.api.ask('POST', 'jupyter-sio/api/links', {
      kernel_id: this.kernelId,
      streams: names(this.streams.input.value),
      send: names(this.events.input.value),
      expires: this.lifetime.value,
      label: this.label.input.value,
    });
    const made = answer.status === 201;
    setText(this.said, made ? '' : `No link was made: ${messageOf(answer)}.`);
    if (made) this.show((answer.body as { url: string }).url);
    await this.refresh();
  }

  /** The only time that the secret is shown. */
  private show(url: string): void {
    const text = make('input', 'page-url');
    text.readOnly = true;
    text.value = url;
    text.setAttribute('aria-label', 'The link');
    const copy = button('Copy', () => void copyOf(text, copy), 'page-main');
    this.made.replaceChildren(text, copy, make('span', '', 'It is shown only now.'));
    this.made.hidden = false;
    text.select();
  }

  private readonly refresh = async (): Promise<void> => {
    const answer = await this.api.ask('GET', 'jupyter-sio/api/links?no_track_activity=1');
    if (answer.status !== 200) {
      setText(this.said, `The links cannot be listed: ${messageOf(answer)}.`);
      return;
    }
    const entries = (answer.body as Entry[]).filter(each => each.kernel_id === this.kernelId);
    entries.sort((one, other) => other.created - one.created);
    this.list.replaceChildren(...entries.map(entry => this.row(entry)));
  };

  private row(entry: Entry): HTMLElement {
    const row = make('li', '');
    const { label, streams, send, expires, uses, viewers } = entry;
    const what = [
      streams.length > 0 ? streams.join(', ') : 'all streams',
      send.length > 0 ? `may send ${send.join(', ')}` : '',
      `until ${formatTime(Math.floor(expires / 60_000) * 60_000).slice(0, -3)}`,
      `${viewers.length} watching`,
      `used ${uses} ${uses === 1 ? 'time' : 'times'}`,
    ];
    const words = make('span', 'page-link-what', what.filter(Boolean).join(' · '));
    const name = make('strong', '', label || 'Link');
    name.dir = 'auto';
    const revoke = button('Revoke', () => void this.revoke(entry.id));
    revoke.setAttribute('aria-label', `Revoke ${label || 'this link'}`);
    row.append(name, words, revoke);
    return row;
  }

  private async revoke(id: string): Promise<void> {
    const answer = await this.api.ask('DELETE', `jupyter-sio/api/links/${encodeURIComponent(id)}`);
    const gone = answer.status === 204 || answer.status === 404;
    setText(this.said, gone ? 'Revoked.' : `It was not revoked: ${messageOf(answer)}.`);
    await this.refresh();
  }
}

function field(text: string, example: string): { row: HTMLElement; input: HTMLInputElement } {
  const row = make('label', '', text);
  const input = make('input', '');
  input.placeholder = example;
  input.maxLength = 500;
  row.append(input);
  return { row, input };
}

const names = (text: string): string[] =>
  text
    .split(',')
    .map(name => name.trim())
    .filter(Boolean);

/** Browsers give the clipboard to secure pages only; elsewhere the text is left selected. */
async function copyOf(text: HTMLInputElement, told: HTMLElement): Promise<void> {
  text.select();
  try {
    await navigator.clipboard.writeText(text.value);
    setText(told, 'Copied');
  } catch {
    setText(told, 'Press Ctrl+C');
  }
}
