/** All streams of one connection: how things stand, what may be sent, and a card for each stream. */
import type { Connection } from '../client';
import type { GapDelivery, RowsDelivery } from '../protocol/delivery';
import { WIDGET_EVENT } from '../protocol/widgetState';
import { Story } from '../story';
import { Actions } from '../view/actions';
import { make, setText } from '../view/dom';
import type { Said } from '../view/situation';
import type { View } from '../view/view';
import { type Board, Card } from './card';
import { Lag, tellLag } from './lag';
import { button } from './parts';
import { type Notice, notice } from './words';

/** Cards that are shown unasked, and subscriptions that a connection may have. */
const AT_FIRST = 24;
const MOST_CARDS = 120;
const TICK_MS = 500;

export interface LiveOptions {
  title: string;
  byLink: boolean;
  /** What else stands at the head, before the pause button. */
  extras: readonly HTMLElement[];
  /** Events that may be sent; null for any. Those of no mirrored widget have a button. */
  events: () => readonly string[] | null;
  /** It was over before anything came. */
  nothing: (notice: Notice) => void;
}

export class Live implements Board, View {
  paused = false;
  readonly heading = make('h1', '');
  private readonly dot = make('span', 'page-dot');
  private readonly word = make('span', 'page-word');
  private readonly lagging = make('span', 'page-lag');
  private readonly detail = make('p', 'page-detail');
  private readonly pause: HTMLButtonElement;
  private readonly events = make('div', 'page-events jsio-bare');
  private readonly grid = make('main', 'page-grid');
  private readonly empty = make(
    'p',
    'page-empty',
    'Nothing was sent yet. Streams appear here by themselves.',
  );
  private readonly more: HTMLButtonElement;
  private readonly lag = new Lag();
  private readonly cards = new Map<string, Card>();
  /** The streams that are shown; the story reads it. */
  private readonly names: string[] = [];
  private readonly story: Story;
  private actions: Actions | null = null;
  private room = AT_FIRST;
  private said: Said = { text: 'connecting', tone: 'busy' };
  private lostAt: number | null = performance.now();

  constructor(
    private readonly place: HTMLElement,
    private readonly connection: Connection,
    private readonly options: LiveOptions,
    private readonly signal: AbortSignal,
  ) {
    this.pause = button('Pause', () => {
      this.togglePause();
    });
    this.more = button('', () => {
      this.room = Math.min(MOST_CARDS, this.room + AT_FIRST);
      this.arrange();
    });
    this.build();
    this.story = new Story(connection, this.names, this);
    connection.addEventListener('change', this.changed, { signal });
    const timer = setInterval(this.tick, TICK_MS);
    signal.addEventListener('abort', () => {
      clearInterval(timer);
    });
    this.changed();
  }

  // --- what the cards and the story tell ----------------------------------------------------

  begun(stream: string): void {
    const known = this.connection.streams.find(each => each.stream === stream);
    this.lag.expect(stream, known?.next ?? 0);
  }

  came(delivery: RowsDelivery | GapDelivery): void {
    const { stream, end } = delivery;
    if (delivery.kind === 'gap') this.lag.settled(stream, end);
    else this.lag.came(stream, end, delivery.time, Date.now());
    this.story.take(delivery);
  }

  readonly may = (event: string): boolean => this.options.events()?.includes(event) ?? true;

  /** Rows are the cards' affair. */
  readonly take = (): void => undefined;

  say(said: Said): void {
    this.said = said;
    this.tell();
  }

  // --- how things stand ---------------------------------------------------------------------

  private readonly changed = (): void => {
    this.arrange();
    const { state } = this.connection;
    if (state === 'live') this.lostAt = null;
    else this.lostAt ??= performance.now();
    this.story.tell();
    this.tell();
    this.offerEvents();
  };

  private readonly tick = (): void => {
    this.tell();
  };

  private tell(): void {
    const { state, reason, bye } = this.connection;
    const lostFor = this.lostAt === null ? 0 : performance.now() - this.lostAt;
    const { byLink } = this.options;
    const said = notice({ state, reason, bye, said: this.said, byLink, lostFor });
    const over = state === 'ended' || state === 'refused';
    if (over && this.cards.size === 0) {
      this.options.nothing(said);
      return;
    }
    setText(this.word, said.text);
    setText(this.lagging, state === 'live' ? tellLag(this.lag, Date.now()) : '');
    this.dot.dataset.tone = said.tone;
    setText(this.detail, said.detail);
    this.detail.dataset.tone = said.tone;
    this.detail.hidden = said.detail === '';
    this.pause.disabled = over && !this.paused;
    this.empty.hidden = this.cards.size > 0 || over;
    document.title = `${this.heading.textContent} – ${said.text}`;
  }

  private togglePause(): void {
    this.paused = !this.paused;
    setText(this.pause, this.paused ? 'Go on' : 'Pause');
    this.pause.setAttribute('aria-pressed', String(this.paused));
    this.place.dataset.paused = String(this.paused);
    if (!this.paused) for (const card of this.cards.values()) card.resume();
    this.tell();
  }

  private offerEvents(): void {
    const { connection } = this;
    const events = (this.options.events() ?? []).filter(event => !event.startsWith(WIDGET_EVENT));
    if (!this.actions && events.length > 0) {
      const send = (event: string): Promise<unknown> => connection.emit(event);
      this.actions = new Actions(this.events, events, send, this.signal);
      this.events.hidden = false;
    }
    this.actions?.allow(connection.state === 'live' && connection.status?.publisher === 'online');
  }

  // --- streams ------------------------------------------------------------------------------

  private arrange(): void {
    const { streams } = this.connection;
    for (const info of streams) {
      if (this.cards.has(info.stream) || this.cards.size >= this.room) continue;
      this.names.push(info.stream);
      const card = new Card(info, this.connection, this, this.signal);
      this.cards.set(info.stream, card);
      this.grid.append(card.element);
    }
    const left = streams.filter(({ stream }) => !this.cards.has(stream)).length;
    this.more.hidden = left === 0;
    this.more.disabled = this.cards.size >= MOST_CARDS;
    setText(this.more, `${left} more ${left === 1 ? 'stream' : 'streams'}`);
  }

  private build(): void {
    const bar = make('header', 'page-bar');
    const state = make('div', 'page-state');
    state.setAttribute('role', 'status');
    this.dot.setAttribute('aria-hidden', 'true');
    state.append(this.dot, this.word);
    this.heading.dir = 'auto';
    setText(this.heading, this.options.title);
    bar.append(this.heading, state, this.lagging, ...this.options.extras, this.pause);
    this.detail.setAttribute('role', 'alert');
    this.detail.hidden = this.events.hidden = this.more.hidden = true;
    const foot = make('footer', 'page-foot');
    foot.append(this.more);
    this.place.append(bar, this.detail, this.events, this.empty, this.grid, foot);
  }
}
