/** One stream on the page: the view that fits it, another if the reader likes, and its downloads. */
import type { Connection } from '../client';
import type { Delivery, GapDelivery, RowsDelivery } from '../protocol/delivery';
import { ARROW, NDJSON, type StreamInfo } from '../protocol/messages';
import { Story } from '../story';
import { choose, chooseX, type Name } from '../view/choose';
import { make } from '../view/dom';
import type { Said } from '../view/situation';
import type { View } from '../view/view';
import { toArrow } from './arrow';
import { toCsv } from './csv';
import { Held } from './held';
import { button, download, fileName } from './parts';
import { makeView } from './views';

/** Bytes on their way to a view that has not drawn them, or to a page that pauses. */
const WINDOW = 2 * 1024 * 1024;

const OVER: Said = { text: 'stopped', tone: 'off' };

const TITLES: Record<Name, string> = {
  controls: 'Controls',
  plot: 'Plot',
  values: 'Values',
  table: 'Table',
  log: 'Log',
  image: 'Image',
  octets: 'Size',
};

/** What a card asks of the page, and tells it. */
export interface Board {
  readonly paused: boolean;
  /** The stream begins, anew or for the first time. */
  begun(stream: string): void;
  /** Rows, or that some will not come. */
  came(delivery: RowsDelivery | GapDelivery): void;
  /** Whether the reader may send this event. */
  readonly may: (event: string) => boolean;
  /** How many pixels high a plot may be; where it is not told, as high as on the page. */
  plotRoom?(): number;
}

export class Card {
  readonly element = make('section', 'page-card');
  private readonly place = make('div', 'page-view');
  private readonly choice = make('select', 'page-choice');
  private readonly files = make('div', 'page-files');
  private readonly held = new Held();
  private readonly story: Story;
  private current = new AbortController();
  private view: View | null = null;
  private said: Said | null = null;
  /** What the view was made for. */
  private shape = '';
  /** The reader's own choice. */
  private wanted: Name | null = null;
  private waiting: Delivery[] = [];

  constructor(
    private readonly info: StreamInfo,
    private readonly connection: Connection,
    private readonly board: Board,
    signal: AbortSignal,
  ) {
    this.build();
    this.story = new Story(connection, [info.stream], { take: this.show, say: this.say });
    this.arrange();
    this.story.tell();
    signal.addEventListener('abort', () => {
      this.current.abort();
    });
    connection.addEventListener('change', this.story.tell, { signal });
    board.begun(info.stream);
    connection.subscribe(info.stream, this.take, { window: WINDOW });
  }

  /** Show what came while the page paused. */
  resume(): void {
    for (const delivery of this.waiting.splice(0)) this.story.take(delivery);
  }

  /** Make the plot anew: there is more or less room for it. */
  refit(): void {
    if (this.element.dataset.view !== 'plot') return;
    this.shape = '';
    this.arrange();
  }

  private readonly take = (delivery: Delivery): void => {
    // What is not shown is not acknowledged: the window closes, and the server keeps the rest.
    if (this.board.paused) this.waiting.push(delivery);
    else this.story.take(delivery);
  };

  private readonly say = (said: Said): void => {
    // Why it is over is told once, at the head of the page.
    this.said = this.connection.state === 'refused' ? OVER : said;
    this.view?.say(this.said);
  };

  private readonly show = (delivery: Delivery): void => {
    this.held.take(delivery);
    if (delivery.kind === 'rows' || delivery.kind === 'gap') this.board.came(delivery);
    else if (delivery.kind === 'begun') this.board.begun(this.info.stream);
    // A view that is made anew is given what is held, and with it these rows.
    if (delivery.kind !== 'rows' || !this.arrange()) this.view?.take(delivery);
  };

  private get media(): string {
    const { stream, media } = this.info;
    return this.connection.streams.find(each => each.stream === stream)?.media ?? media;
  }

  /** Make the view that fits what is known; says whether it is a new one. */
  private arrange(): boolean {
    const { media, held } = this;
    const { columns } = held.rows;
    const possible = choose({ media, mode: this.info.mode, rows: held.most, columns });
    const name = this.wanted && possible.includes(this.wanted) ? this.wanted : possible[0];
    const x = name === 'plot' ? chooseX(columns) : null;
    const shape = JSON.stringify([name, x, media, name === 'values' ? [...columns.keys()] : 0]);
    if (this.view && shape === this.shape) return false;
    this.shape = shape;
    this.offer(name, possible);
    this.replace(name, x);
    return true;
  }

  private replace(name: Name | undefined, x: string | null): void {
    this.current.abort();
    this.current = new AbortController();
    this.place.replaceChildren();
    this.element.dataset.view = name ?? 'none';
    const { media, held } = this;
    const columns = [...held.rows.columns.keys()];
    const controls = {
      ask: (event: string, request: unknown) => this.connection.emit(event, request),
      may: this.board.may,
    };
    const room = this.board.plotRoom?.() ?? 0;
    const wanted = { name, x, stream: this.info.stream, media, columns, controls, room };
    this.view = makeView(this.place, wanted, this.current.signal);
    if (this.said) this.view.say(this.said);
    for (const delivery of held.replay()) this.view.take(delivery);
  }

  // --- head ---------------------------------------------------------------------------------

  private build(): void {
    const head = make('header', 'page-card-head');
    const title = make('h2', '', this.info.stream);
    title.dir = 'auto';
    this.choice.setAttribute('aria-label', `View of ${this.info.stream}`);
    this.choice.addEventListener('change', () => {
      this.wanted = this.choice.value as Name;
      this.arrange();
    });
    head.append(title, this.choice, this.files);
    this.element.setAttribute('aria-label', this.info.stream);
    this.element.append(head, this.place);
  }

  private offer(name: Name | undefined, possible: readonly Name[]): void {
    const options = possible.map(each => {
      const option = make('option', '', TITLES[each]);
      option.value = each;
      option.selected = each === name;
      return option;
    });
    this.choice.replaceChildren(...options);
    this.choice.hidden = possible.length < 2;
    const tabular = this.media === ARROW || this.media === NDJSON;
    if (possible.length === 0) this.files.replaceChildren();
    else if (tabular) this.files.replaceChildren(this.file('CSV'), this.file('Arrow'));
    else this.files.replaceChildren(this.file('Save'));
  }

  private file(kind: 'CSV' | 'Arrow' | 'Save'): HTMLButtonElement {
    const element = button(kind, () => {
      this.save(kind);
    });
    const what = kind === 'Save' ? 'newest of' : 'rows held here of';
    element.title = `Download the ${what} ${this.info.stream}`;
    return element;
  }

  private save(kind: 'CSV' | 'Arrow' | 'Save'): void {
    const { stream } = this.info;
    const { rows, newest } = this.held;
    if (kind === 'CSV') download(fileName(stream, 'csv'), toCsv(rows.parts), 'text/csv');
    else if (kind === 'Arrow') {
      const bytes = toArrow(rows.parts) as Uint8Array<ArrayBuffer>;
      download(fileName(stream, 'arrow'), [bytes], 'application/vnd.apache.arrow.file');
    } else if (newest) {
      const ending = this.media.startsWith('image/') ? this.media.slice('image/'.length) : 'bin';
      download(fileName(stream, ending), [newest as Uint8Array<ArrayBuffer>], this.media);
    }
  }
}
