/**
 * A mirrored ipywidget with all that is in it: its newest state, and a way for what the reader does.
 * It knows no socket: `ask` is given. What draws it is loaded when there is something to draw.
 */
import type { Delivery } from '../protocol/delivery';
import { isRecord, type Mirrored, readMirrored, type State } from '../protocol/widgetState';
import { make, makeRoot, setText, StatusLine } from './dom';
import { Pending } from './pending';
import type { Said } from './situation';
import { followTheme } from './theme';
import type { View } from './view';
import { trans } from '../words';

/** What a reader does: sets traits, or presses. */
export type Gesture = { values: State } | { content: { event: 'click' } };

/** Shows a mirrored widget; disabled where the reader may not set it. */
export interface Drawing {
  show(mirrored: Mirrored, may: boolean): void;
}

/**
 * Begin to draw in a place.
 *
 * @param ask - asks the kernel for what the reader did to a model; the values as they are then
 */
export type Draw = (
  place: HTMLElement,
  ask: (model: string, gesture: Gesture) => Promise<State>,
  signal: AbortSignal,
) => Drawing;

export interface ControlsOptions {
  /** Ask the kernel's handler of an event. */
  ask: (event: string, request: unknown) => Promise<unknown>;
  /** Whether the reader may send this event. */
  may: (event: string) => boolean;
  /** Load what draws. */
  load: () => Promise<Draw>;
}

export class ControlsView implements View {
  private readonly root: HTMLElement;
  private readonly body = make('div', 'jsio-controls');
  private readonly words = make('p', 'jsio-controls-words');
  private readonly status = new StatusLine();
  private readonly pending: Pending;
  private mirrored: Mirrored | null = null;
  private drawing: Drawing | null = null;
  private loading = false;
  private live = false;

  constructor(
    place: HTMLElement,
    private readonly options: ControlsOptions,
    private readonly signal: AbortSignal,
  ) {
    this.root = makeRoot(place, 'mirror', signal);
    this.root.append(this.body, this.words, this.status.element);
    this.pending = new Pending(this.apply, this.draw, signal);
    followTheme(this.root, () => undefined, signal);
  }

  take(delivery: Delivery): void {
    this.pending.push(delivery);
  }

  say(said: Said): void {
    this.live = said.tone === 'good';
    this.status.say(said);
    this.draw();
  }

  private readonly apply = (delivery: Delivery): void => {
    if (delivery.kind !== 'rows') return;
    const { table } = delivery;
    this.mirrored = readMirrored(table, table.rows - 1) ?? this.mirrored;
  };

  private readonly draw = (): void => {
    const { mirrored } = this;
    if (!mirrored) return;
    if (this.drawing) this.drawing.show(mirrored, this.live && this.options.may(mirrored.event));
    else if (!this.loading) void this.load();
  };

  private async load(): Promise<void> {
    this.loading = true;
    setText(this.words, trans.__('The controls are loaded …'));
    try {
      const draw = await this.options.load();
      if (this.signal.aborted) return;
      setText(this.words, '');
      this.drawing = draw(this.body, this.ask, this.signal);
      this.draw();
    } catch {
      setText(this.words, trans.__('The controls could not be loaded; reload the page.'));
    }
  }

  private readonly ask = async (model: string, gesture: Gesture): Promise<State> => {
    const answer = await this.options.ask(this.mirrored!.event, { model, ...gesture });
    if (!isRecord(answer)) return {};
    if (typeof answer.error === 'string') throw new Error(answer.error);
    return isRecord(answer.values) ? answer.values : {};
  };
}
