/**
 * Rows that arrow keys go through: one of them is a stop of the Tab key, with the buttons beside it;
 * or a server with many streams would have hundreds of stops.
 *
 * No tree by its roles, although it looks like one: the items of a tree may hold no forms and no
 * lists, and a screen reader would take the arrow keys from what is in them.
 */

/** What a row is known by, and what in it takes the focus. */
const STOPS = '.jsiolab-fold, .jsiolab-stream-name, .jsiolab-viewer-name';
const ROWS = '.jsiolab-kernel-top, .jsiolab-stream, .jsiolab-viewer';

export class Roving {
  private current: HTMLElement | null = null;

  constructor(
    private readonly place: HTMLElement,
    signal: AbortSignal,
  ) {
    place.addEventListener('focusin', this.focused, { signal });
    place.addEventListener('keydown', this.pressed, { signal });
    const observer = new MutationObserver(this.mark);
    observer.observe(place, {
      childList: true,
      subtree: true,
      attributes: true,
      attributeFilter: ['hidden'],
    });
    signal.addEventListener('abort', () => {
      observer.disconnect();
    });
    this.mark();
  }

  private stops(): HTMLElement[] {
    const all = [...this.place.querySelectorAll<HTMLElement>(STOPS)];
    return all.filter(stop => !stop.closest('[hidden]'));
  }

  /** Only what is in the current row is a stop of the Tab key. */
  private readonly mark = (): void => {
    const stops = this.stops();
    if (!this.current || !stops.includes(this.current)) this.current = stops[0] ?? null;
    const row = this.current?.closest(ROWS) ?? null;
    for (const each of this.place.querySelectorAll<HTMLElement>(ROWS)) {
      for (const element of each.querySelectorAll<HTMLElement>(`button, ${STOPS}`)) {
        const reached = each === row && element.dataset.again !== 'true';
        const wanted = reached ? 0 : -1;
        if (element.tabIndex !== wanted || !element.hasAttribute('tabindex')) {
          element.tabIndex = wanted;
        }
      }
    }
  };

  private readonly focused = ({ target }: FocusEvent): void => {
    const row = target instanceof Element ? target.closest(ROWS) : null;
    const stop = row?.querySelector<HTMLElement>(STOPS);
    if (!stop || stop === this.current) return;
    this.current = stop;
    this.mark();
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    const { target, key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return;
    const row = target.closest(ROWS);
    if (!row) return;
    const stops = this.stops();
    const here = stops.findIndex(stop => row.contains(stop));
    const next = this.next(stops, here, key);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    next.focus();
  };

  private next(stops: readonly HTMLElement[], here: number, key: string): HTMLElement | undefined {
    const stop = stops[here];
    const unfolded = stop?.getAttribute('aria-expanded');
    if (key === 'ArrowDown') return stops[here + 1];
    if (key === 'ArrowUp') return stops[here - 1];
    if (key === 'Home') return stops[0];
    if (key === 'End') return stops.at(-1);
    if (key === 'ArrowRight' && unfolded === 'true') return stops[here + 1];
    const folds = key === 'ArrowRight' ? unfolded === 'false' : unfolded === 'true';
    if ((key === 'ArrowRight' || key === 'ArrowLeft') && folds) {
      stop!.click();
      return stop;
    }
    if (key !== 'ArrowLeft') return undefined;
    const kernel = stop?.closest('.jsiolab-kernel');
    return kernel?.querySelector<HTMLElement>('.jsiolab-fold') ?? undefined;
  }
}
