/** The views of the page by name. */
import { VALUE } from '../protocol/payload';
import type { Name } from '../view/choose';
import { brief, make, makeRoot, StatusLine } from '../view/dom';
import { ControlsView, type ControlsOptions } from '../view/controls';
import { ImageView } from '../view/image';
import { LogView } from '../view/log';
import { OctetsView } from '../view/octets';
import { Plot } from '../view/plot';
import type { Said } from '../view/situation';
import { TableView } from '../view/table';
import { Tally } from '../view/tally';
import { followTheme } from '../view/theme';
import { Value } from '../view/value';
import type { Delivery } from '../protocol/delivery';
import type { View } from '../view/view';

export interface Wanted {
  /** None while nothing is known of the rows. */
  name: Name | undefined;
  /** One, but for a plot. */
  streams: readonly string[];
  media: string;
  x: string | null;
  columns: readonly string[];
  controls: ControlsOptions;
  /** Whether a plot is to be as high as there is room around it. */
  fills: boolean;
}

const PLOT_ROWS = 1_000_000;
const PLOT_HEIGHT = { phone: 220, desktop: 280 };

export function makeView(place: HTMLElement, wanted: Wanted, signal: AbortSignal): View {
  const { name, media, columns } = wanted;
  const [stream = ''] = wanted.streams;
  if (name === 'controls') return new ControlsView(place, wanted.controls, signal);
  if (name === 'plot') return plotOf(place, wanted, signal);
  if (name === 'log') return new LogView(place, stream, signal);
  if (name === 'image') return new ImageView(place, stream, media, signal);
  if (name === 'octets') return new OctetsView(place, media, signal);
  if (name === 'values') return new Values(place, columns, signal);
  return new TableView(place, stream, signal);
}

function plotOf(place: HTMLElement, { streams, x, fills }: Wanted, signal: AbortSignal): Plot {
  const narrow = matchMedia('(max-width: 600px)').matches;
  const usual = narrow ? PLOT_HEIGHT.phone : PLOT_HEIGHT.desktop;
  const height = fills ? null : usual;
  const common = { title: '', log: false, last: null, maxRows: PLOT_ROWS };
  return new Plot(place, { streams, x, y: null, height, ...common }, signal);
}

/** The newest value of each column, side by side over one line on how they stand. */
class Values implements View {
  private readonly tally = new Tally();
  private readonly status = new StatusLine();
  private readonly values: readonly Value[];

  constructor(place: HTMLElement, columns: readonly string[], signal: AbortSignal) {
    const bar = make('div', 'page-values');
    const root = makeRoot(place, 'values', signal);
    followTheme(root, () => undefined, signal);
    root.append(bar, this.status.element);
    this.values = columns.map(column => {
      const label = column === VALUE ? '' : brief(column);
      return new Value(bar, { column, label, unit: '', format: '' }, signal);
    });
  }

  take(delivery: Delivery): void {
    for (const value of this.values) value.take(delivery);
    this.tally.take(delivery, Date.now());
    this.status.tell(this.tally.updated(), ...this.tally.tell());
    this.status.warn(this.tally.refusal);
  }

  say(said: Said): void {
    this.status.say(said);
  }
}
