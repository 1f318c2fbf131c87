/**
 * Draws mirrored widgets with ipywidgets' own front end, in a shadow root: its style sheet and the
 * page's know nothing of each other. A script of its own, loaded with the first mirrored widget.
 */
import { DOMWidgetView } from '@jupyter-widgets/base';
import { Widget } from '@lumino/widgets';
import type { Mirrored } from '../protocol/widgetState';
import type { Draw, Drawing } from '../view/controls';
import { make, setText } from '../view/dom';
import { trans } from '../words';
import { admit } from './admit';
import { type Ask, Family } from './family';
import sheet from './mirror.css';
import { has } from './parts';

const GESTURES = ['pointerdown', 'keydown', 'input', 'change', 'click'] as const;

const styles = new CSSStyleSheet();
styles.replaceSync(sheet);

export const draw: Draw = (place, ask, signal) => new Drawn(place, ask, signal);

class Drawn implements Drawing {
  private readonly host = make('div', 'jsio-mirrored');
  private readonly body = make('div', 'body');
  private readonly problems = make('div', 'problems');
  private family: Family;
  private root = '';
  private view: DOMWidgetView | null = null;
  private attached: Promise<void> | null = null;
  private touched = false;

  constructor(
    place: HTMLElement,
    private readonly ask: Ask,
    signal: AbortSignal,
  ) {
    // JupyterLab brings the colours with it; elsewhere the view's own stand for them.
    const bare = document.body.dataset.jpThemeLight === undefined;
    this.host.classList.toggle('bare', bare);
    const shadow = this.host.attachShadow({ mode: 'open' });
    shadow.adoptedStyleSheets = [styles];
    shadow.append(this.body, this.problems);
    for (const gesture of GESTURES) {
      this.body.addEventListener(gesture, this.touch, { capture: true, signal });
    }
    place.append(this.host);
    this.family = this.newFamily();
    signal.addEventListener('abort', () => {
      this.leave();
    });
  }

  show(mirrored: Mirrored, may: boolean): void {
    if (mirrored.root !== this.root) this.begin(mirrored.root);
    const { family } = this;
    try {
      family.tell(admit(mirrored, may, has));
    } catch (error) {
      this.refuse(error);
      return;
    }
    this.attached ??= this.attach(mirrored.root).catch((error: unknown) => {
      if (family === this.family) this.refuse(error);
    });
  }

  private begin(root: string): void {
    this.leave();
    this.root = root;
    this.attached = null;
    this.family = this.newFamily();
    this.body.replaceChildren();
  }

  private async attach(root: string): Promise<void> {
    const { family } = this;
    const view = await family.create_view(await family.get_model(root));
    if (!(view instanceof DOMWidgetView)) throw new Error(trans.__('it is none'));
    if (family !== this.family) return;
    this.view = view;
    Widget.attach(view.luminoWidget, this.body);
  }

  private refuse(error: unknown): void {
    this.begin('');
    const why = (error as Error).message;
    setText(this.body, trans.__('This widget cannot be shown: %1.', why));
  }

  private newFamily(): Family {
    return new Family(this.ask, () => this.touched, this.problems);
  }

  private leave(): void {
    if (this.view && !this.view.luminoWidget.isDisposed) this.view.luminoWidget.dispose();
    this.view = null;
    this.family.end();
  }

  private readonly touch = (): void => {
    this.touched = true;
  };
}
