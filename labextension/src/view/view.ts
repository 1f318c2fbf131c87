/** What the widgets, the panel and the page ask of any view. */
import type { Delivery } from '../protocol/delivery';
import type { Said } from './situation';
import type { Still } from './still';

export interface View {
  /** Take what a stream brings, in order; drawn with the next animation frame. */
  take(delivery: Delivery): void;
  /** Say how the source of the rows stands. */
  say(said: Said): void;
  /** What a saved notebook is to keep of it; null while there is nothing. */
  still?(): Still | null;
  /** What is shown as a picture to be kept, in the page's colours; null while there is nothing. */
  picture?(): HTMLCanvasElement | null;
}
