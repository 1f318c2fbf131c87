/** One stream on a card: what is held of it, and how it stands. */
import type { Connection } from '../client';
import type { Delivery } from '../protocol/delivery';
import type { StreamInfo } from '../protocol/messages';
import { Story } from '../story';
import type { Said } from '../view/situation';
import { trans } from '../words';
import type { Board } from './card';
import { Held } from './held';

/** Bytes on their way to a view that has not drawn them, or to a page that pauses. */
const WINDOW = 2 * 1024 * 1024;

/** What a card is told of its streams. */
export interface Listener {
  /** It is held already. */
  came(delivery: Delivery): void;
  /** `said` is another. */
  stands(): void;
}

export class CardStream {
  readonly held = new Held();
  said: Said | null = null;
  private readonly story: Story;
  private waiting: Delivery[] = [];

  /** @param label - what it goes by on the card; its deliveries are told under it */
  constructor(
    readonly label: string,
    readonly info: StreamInfo,
    readonly connection: Connection,
    private readonly board: Board,
    private readonly card: Listener,
    private readonly signal: AbortSignal,
  ) {
    this.story = new Story(connection, [info.stream], { take: this.show, say: this.say });
  }

  /** Begin; not before the card can be told. */
  start(): void {
    const { signal, info } = this;
    this.story.tell();
    this.connection.addEventListener('change', this.story.tell, { signal });
    this.board.begun(info.stream);
    const watch = this.connection.subscribe(info.stream, this.take, { window: WINDOW });
    signal.addEventListener('abort', () => {
      watch.close();
    });
  }

  /** Show what came while the page paused. */
  resume(): void {
    for (const delivery of this.waiting.splice(0)) this.story.take(delivery);
  }

  get media(): string {
    const { stream, media } = this.info;
    return this.connection.streams.find(each => each.stream === stream)?.media ?? media;
  }

  /** All that is held, in order, as if it came now. */
  *replay(): Generator<Delivery> {
    for (const delivery of this.held.replay()) yield { ...delivery, stream: this.label };
  }

  private readonly take = (delivery: Delivery): void => {
    // What is not shown is not acknowledged: the window closes, and the server keeps the rest.
    if (this.board.paused) this.waiting.push(delivery);
    else this.story.take(delivery);
  };

  private readonly say = (said: Said): void => {
    // Why it is over is told once, at the head of the page.
    const over = this.connection.state === 'refused';
    this.said = over ? { text: trans.__('stopped'), tone: 'off' } : said;
    this.card.stands();
  };

  private readonly show = (delivery: Delivery): void => {
    this.held.take(delivery);
    if (delivery.kind === 'rows' || delivery.kind === 'gap') this.board.came(delivery);
    else if (delivery.kind === 'begun') this.board.begun(this.info.stream);
    this.card.came({ ...delivery, stream: this.label });
  };
}
