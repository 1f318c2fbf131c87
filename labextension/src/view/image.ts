/** The newest image of a stream. It knows no socket. */
import type { Delivery, RowsDelivery } from '../protocol/delivery';
import { VALUE } from '../protocol/payload';
import { make, makeRoot, StatusLine } from './dom';
import { formatBytes, formatCount } from './format';
import { Pending } from './pending';
import type { Said } from './situation';
import { type Still, stillOf } from './still';
import { Tally } from './tally';
import { followTheme, property } from './theme';
import type { View } from './view';
import { trans } from '../words';

/** Bytes to a picture; a test brings its own. */
export type Decode = (bytes: Uint8Array<ArrayBuffer>, media: string) => Promise<ImageBitmap>;

const decodeHere: Decode = (bytes, media) => createImageBitmap(new Blob([bytes], { type: media }));

/** An image of so few pixels shows them as they are when it is enlarged. */
const SMALL = 96;
/** The longer side of what a saved notebook keeps. */
const STILL_SIZE = 1_024;

export interface ImageOptions {
  title: string;
  /** What the picture is fitted into, in CSS pixels; null for the style sheet's. */
  height: number | null;
}

export class ImageView implements View {
  private readonly root: HTMLElement;
  private readonly tally = new Tally();
  private readonly canvas = make('canvas', 'jsio-picture');
  private readonly status = new StatusLine();
  private readonly pending: Pending;
  private readonly frames: Frames;
  private bytes = 0;

  constructor(
    place: HTMLElement,
    label: string,
    /** Empty where the browser is to see for itself. */
    private readonly media: string,
    signal: AbortSignal,
    { title, height }: ImageOptions = { title: '', height: null },
  ) {
    const root = (this.root = makeRoot(place, 'image', signal));
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('aria-label', trans.__('Newest image of %1', label));
    this.canvas.hidden = true;
    const frame = make('div', 'jsio-frame');
    frame.append(this.canvas);
    if (title) root.append(make('div', 'jsio-title', title));
    if (height !== null) this.canvas.style.height = frame.style.minHeight = `${height}px`;
    root.append(frame, this.status.element);
    this.frames = new Frames(this.show, this.failed, decodeHere);
    this.pending = new Pending(this.apply, this.draw, signal);
    followTheme(root, () => undefined, signal);
  }

  take(delivery: Delivery): void {
    this.pending.push(delivery);
  }

  say(said: Said): void {
    this.status.say(said);
  }

  picture(): HTMLCanvasElement | null {
    const { canvas } = this;
    return canvas.hidden ? null : copyOf(canvas, 1, property(this.root, '--jsio-paper'));
  }

  still(): Still | null {
    const { canvas } = this;
    if (canvas.hidden) return null;
    const scale = Math.min(1, STILL_SIZE / Math.max(canvas.width, canvas.height));
    const [width, height] = [canvas.width * scale, canvas.height * scale];
    const copy = copyOf(canvas, scale);
    const shown = canvas.clientHeight > 0 ? canvas.clientHeight / height : 1;
    return stillOf(copy, width * shown, height * shown);
  }

  private readonly apply = (delivery: Delivery): void => {
    this.tally.take(delivery, Date.now());
    if (delivery.kind === 'rows') this.look(delivery);
    else if (delivery.kind === 'begun' && !delivery.recovered) this.canvas.hidden = true;
  };

  private look({ table }: RowsDelivery): void {
    const value = table.column(VALUE)?.at(table.rows - 1);
    if (!(value instanceof Uint8Array)) {
      this.status.warn(trans.__('the stream carries no images'));
      return;
    }
    this.bytes = value.byteLength;
    this.frames.next(value as Uint8Array<ArrayBuffer>, this.media);
  }

  private readonly show = (image: ImageBitmap): void => {
    const { canvas } = this;
    canvas.width = image.width;
    canvas.height = image.height;
    canvas.classList.toggle('jsio-small', image.width <= SMALL && image.height <= SMALL);
    canvas.getContext('2d')?.drawImage(image, 0, 0);
    canvas.hidden = false;
    this.status.warn(this.tally.refusal);
    this.pending.redraw();
  };

  private readonly failed = (): void => {
    this.status.warn(
      trans.__('the newest image cannot be read as %1', this.media || trans.__('an image')),
    );
  };

  private readonly draw = (): void => {
    const { rows } = this.tally;
    const { width, height, hidden } = this.canvas;
    this.status.tell(
      rows === 1 ? trans.__('1 image') : trans.__('%1 images', formatCount(rows)),
      hidden ? '' : `${width} × ${height}`,
      this.bytes > 0 ? formatBytes(this.bytes) : '',
      this.tally.updated(),
      ...this.tally.tell(),
    );
    if (this.tally.refusal) this.status.warn(this.tally.refusal);
  };
}

/** Copy a picture, scaled; what it lets through shows `paper`, if there is any. */
function copyOf(canvas: HTMLCanvasElement, scale: number, paper = ''): HTMLCanvasElement {
  const copy = make('canvas', '');
  copy.width = Math.ceil(canvas.width * scale);
  copy.height = Math.ceil(canvas.height * scale);
  const context = copy.getContext('2d');
  if (context && paper) {
    context.fillStyle = paper;
    context.fillRect(0, 0, copy.width, copy.height);
  }
  context?.drawImage(canvas, 0, 0, copy.width, copy.height);
  return copy;
}

/** Decodes one image at a time; those that come meanwhile but the newest are passed over. */
export class Frames {
  private waiting: (() => Promise<ImageBitmap>) | null = null;
  private busy = false;

  constructor(
    private readonly show: (image: ImageBitmap) => void,
    private readonly failed: (error: unknown) => void,
    private readonly decode: Decode,
  ) {}

  next(bytes: Uint8Array<ArrayBuffer>, media: string): void {
    this.waiting = () => this.decode(bytes, media);
    if (!this.busy) void this.work();
  }

  private async work(): Promise<void> {
    this.busy = true;
    while (this.waiting) {
      const decode = this.waiting;
      this.waiting = null;
      try {
        const image = await decode();
        this.show(image);
        image.close();
      } catch (error) {
        this.failed(error);
      }
    }
    this.busy = false;
  }
}
