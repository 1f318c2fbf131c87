/** Fingers on a plot: one moves it, two zoom. It knows no page: places are handed in. */

export interface Moves {
  /** By so many widths of the view. */
  pan(right: number): void;
  /** By `factor`, about the point so far from the left, 0 … 1. */
  scale(factor: number, at: number): void;
}

/** So far a finger moves before it is more than a tap, in CSS pixels. */
const TAP = 10;
/** Nearer fingers tell too little of a distance. */
const NEAREST = 20;

export class Touches {
  private readonly fingers = new Map<number, number>();
  private panning = false;

  /** @param moves - what is done with it */
  constructor(private readonly moves: Moves) {}

  down(finger: number, x: number): void {
    this.fingers.set(finger, x);
    this.panning = false;
  }

  /** @param width - of the view, in the same pixels as `x` */
  move(finger: number, x: number, width: number): void {
    const before = this.fingers.get(finger);
    if (before === undefined || width <= 0) return;
    if (this.fingers.size === 1) this.pan(finger, x - before, width);
    else if (this.fingers.size === 2) this.pinch(finger, x, width);
  }

  up(finger: number): void {
    this.fingers.delete(finger);
    this.panning = false;
  }

  private pan(finger: number, by: number, width: number): void {
    if (!this.panning && Math.abs(by) < TAP) return;
    this.panning = true;
    this.fingers.set(finger, this.fingers.get(finger)! + by);
    this.moves.pan(-by / width);
  }

  private pinch(finger: number, x: number, width: number): void {
    const before = this.spread();
    this.fingers.set(finger, x);
    const after = this.spread();
    const [one = 0, other = 0] = this.fingers.values();
    this.moves.scale(before / after, Math.min(1, Math.max(0, (one + other) / 2 / width)));
  }

  private spread(): number {
    const [one = 0, other = 0] = this.fingers.values();
    return Math.max(NEAREST, Math.abs(one - other));
  }
}

/** Let fingers on `element` move what it shows. */
export function followTouches(element: HTMLElement, moves: Moves, signal: AbortSignal): void {
  const touches = new Touches(moves);
  const listen = (names: readonly string[], act: (event: PointerEvent) => void): void => {
    for (const name of names) {
      const heard = (event: Event): void => {
        if ((event as PointerEvent).pointerType === 'touch') act(event as PointerEvent);
      };
      element.addEventListener(name, heard, { signal });
    }
  };
  // Not offsetX: that is the place within whatever lies on top.
  const place = ({ clientX }: PointerEvent): number =>
    clientX - element.getBoundingClientRect().left;
  element.style.touchAction = 'pan-y'; // up and down stay the page's
  listen(['pointerdown'], event => {
    touches.down(event.pointerId, place(event));
  });
  listen(['pointermove'], event => {
    touches.move(event.pointerId, place(event), element.clientWidth);
  });
  listen(['pointerup', 'pointercancel', 'pointerleave'], event => {
    touches.up(event.pointerId);
  });
}
