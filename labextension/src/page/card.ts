/**
 * A stream on the page: the view that fits it, another if the reader likes, and its downloads; or
 * several streams in one plot.
 */
import type { Connection } from '../client';
import type { Delivery, GapDelivery, RowsDelivery } from '../protocol/delivery';
import { ARROW, NDJSON, type StreamInfo } from '../protocol/messages';
import { loadMirror } from '../mirror_script';
import { anyOf } from '../signals';
import { choose, commonX, type Name } from '../view/choose';
import { make, setText } from '../view/dom';
import { type Said, worstOf } from '../view/situation';
import type { View } from '../view/view';
import { trans } from '../words';
import { CardStream } from './card_stream';
import { button } from './parts';
import { type Kind, saveAs } from './save';
import { makeView } from './views';

/** What a card asks of the page, and tells it. */
export interface Board {
  readonly paused: boolean;
  /** The stream begins, anew or for the first time. */
  begun(stream: string): void;
  /** Rows, or that some will not come. */
  came(delivery: RowsDelivery | GapDelivery): void;
  /** Whether the reader may send this event. */
  readonly may: (event: string) => boolean;
  /** Whether a card is alone, and its plot as high as there is room. */
  readonly fills?: boolean;
}

export class Card {
  readonly element = make('section', 'page-card');
  readonly title = make('h2', '');
  /** Whatever stands at its head. */
  readonly head = make('header', 'page-card-head');
  private readonly place = make('div', 'page-view');
  private readonly choice = make('select', 'page-choice');
  private readonly files = make('div', 'page-files');
  /** The card's own first. */
  private streams: CardStream[] = [];
  private current = new AbortController();
  private view: View | null = null;
  /** What the view was made for. */
  private shape = '';
  /** The reader's own choice. */
  private wanted: Name | null = null;

  constructor(
    private readonly info: StreamInfo,
    connection: Connection,
    private readonly board: Board,
    private readonly signal: AbortSignal,
  ) {
    this.build();
    signal.addEventListener('abort', () => {
      this.current.abort();
    });
    this.add(info.stream, info, connection, signal);
  }

  /** Show another stream in the same plot, until `signal` is aborted. */
  add(label: string, info: StreamInfo, connection: Connection, signal: AbortSignal): void {
    const until = anyOf(signal, this.signal);
    const came = (delivery: Delivery): void => {
      this.came(delivery);
    };
    const card = { came, stands: this.stands };
    const stream = new CardStream(label, info, connection, this.board, card, until);
    this.streams = [...this.streams, stream];
    until.addEventListener('abort', () => {
      this.streams = this.streams.filter(each => each !== stream);
      if (!this.signal.aborted) this.arrange();
    });
    this.arrange();
    stream.start();
  }

  /** Show what came while the page paused. */
  resume(): void {
    for (const stream of this.streams) stream.resume();
  }

  /** Whether it is a plot, or could be one. */
  get isDrawable(): boolean {
    return this.possible().includes('plot');
  }

  /** As what files it can be saved now. */
  get kinds(): readonly Kind[] {
    const { view } = this.element.dataset;
    if (view === 'none') return [];
    const { media } = this.streams[0]!;
    const picture = view === 'plot' || view === 'image' ? (['PNG'] as const) : [];
    return [...picture, ...(isTabular(media) ? (['CSV', 'Arrow'] as const) : (['Save'] as const))];
  }

  save(kind: Kind): void {
    saveAs(kind, this.streams, this.view?.picture?.() ?? null);
  }

  private readonly stands = (): void => {
    this.view?.say(this.said());
  };

  private said(): Said {
    const told = this.streams.flatMap(({ label, said }) => (said ? [{ label, said }] : []));
    return worstOf(told);
  }

  private came(delivery: Delivery): void {
    // A view that is made anew is given what is held, and with it these rows.
    if (delivery.kind !== 'rows' || !this.arrange()) this.view?.take(delivery);
  }

  /** Make the view that fits what is known; says whether it is a new one. */
  private arrange(): boolean {
    const possible = this.possible();
    const name = this.wanted && possible.includes(this.wanted) ? this.wanted : possible[0];
    const all = this.streams.map(({ held }) => held.rows.columns);
    const x = name === 'plot' ? commonX(all) : null;
    const { media } = this.streams[0]!;
    const labels = this.streams.map(({ label }) => label);
    const columns = name === 'values' ? [...all[0]!.keys()] : 0;
    const shape = JSON.stringify([name, x, media, labels, columns]);
    if (this.view && shape === this.shape) return false;
    this.shape = shape;
    this.replace(name, x, labels);
    this.offer(name, possible);
    return true;
  }

  private possible(): Name[] {
    if (this.streams.length > 1) return ['plot'];
    const { media, held } = this.streams[0]!;
    const { columns } = held.rows;
    return choose({ media, mode: this.info.mode, rows: held.most, columns });
  }

  private replace(name: Name | undefined, x: string | null, streams: readonly string[]): void {
    this.current.abort();
    this.current = new AbortController();
    this.place.replaceChildren();
    this.element.dataset.view = name ?? 'none';
    const { media, held, connection } = this.streams[0]!;
    const columns = [...held.rows.columns.keys()];
    const controls = {
      ask: (event: string, request: unknown) => connection.emit(event, request),
      may: this.board.may,
      load: loadMirror,
    };
    const { fills = false } = this.board;
    const wanted = { name, x, streams, media, columns, controls, fills };
    this.view = makeView(this.place, wanted, this.current.signal);
    this.stands();
    for (const stream of this.streams) {
      for (const delivery of stream.replay()) this.view.take(delivery);
    }
  }

  // --- head ---------------------------------------------------------------------------------

  private build(): void {
    const { stream } = this.info;
    setText(this.title, stream);
    this.title.dir = 'auto';
    this.choice.setAttribute('aria-label', trans.__('View of %1', stream));
    this.choice.addEventListener('change', () => {
      this.wanted = this.choice.value as Name;
      this.arrange();
    });
    this.head.append(this.title, this.choice, this.files);
    this.element.setAttribute('aria-label', stream);
    this.element.append(this.head, this.place);
  }

  private offer(name: Name | undefined, possible: readonly Name[]): void {
    const options = possible.map(each => {
      const option = make('option', '', titleOf(each));
      option.value = each;
      option.selected = each === name;
      return option;
    });
    this.choice.replaceChildren(...options);
    this.choice.hidden = possible.length < 2;
    this.files.replaceChildren(...this.kinds.map(kind => this.file(kind)));
  }

  private file(kind: Kind): HTMLButtonElement {
    const element = button(kind === 'Save' ? trans.__('Save') : kind, () => {
      this.save(kind);
    });
    element.title = tellFile(kind, this.info.stream);
    return element;
  }
}

const isTabular = (media: string): boolean => media === ARROW || media === NDJSON;

function titleOf(name: Name): string {
  const titles: Record<Name, string> = {
    controls: trans.__('Controls'),
    plot: trans.__('Plot'),
    values: trans.__('Values'),
    table: trans.__('Table'),
    log: trans.__('Log'),
    image: trans.__('Image'),
    octets: trans.__('Size'),
  };
  return titles[name];
}

function tellFile(kind: Kind, stream: string): string {
  if (kind === 'PNG') return trans.__('Download a picture of %1', stream);
  if (kind === 'Save') return trans.__('Download the newest of %1', stream);
  return trans.__('Download the rows held here of %1', stream);
}
