/** Events that go by, and a line to send one. */
import { make, setText } from '../view/dom';
import { formatClock } from '../view/format';
import type { Desk } from './desk';
import type { Line } from './event_log';
import type { LiveKernel } from './live_kernel';
import { Section } from './pieces';
import { trans } from '../words';

const SIGNS: Record<Line['way'], string> = { came: '←', sent: '→', answered: '✓', refused: '✗' };

export class ConsoleView {
  readonly element: HTMLElement;
  private readonly log = make('div', 'jsiolab-log-lines');
  private readonly empty: HTMLElement;
  private readonly event = make('input', 'jp-mod-styled');
  private readonly args = make('input', 'jp-mod-styled');
  private readonly button: HTMLButtonElement;
  private readonly said = make('p', 'jsiolab-none');
  private shown: readonly Line[] = [];

  constructor(
    private readonly desk: Desk,
    private readonly live: LiveKernel,
  ) {
    this.element = new Section(trans.__('Events')).element;
    this.empty = make('p', 'jsiolab-none', trans.__('Events of the kernel appear here.'));
    this.log.setAttribute('role', 'log');
    this.log.setAttribute('aria-label', trans.__('Events'));
    this.log.tabIndex = 0; // it scrolls
    this.button = make('button', 'jsiolab-button', trans.__('Send'));
    this.said.setAttribute('role', 'alert');
    this.element.append(this.empty, this.log, this.form(), this.said);
    live.log.addEventListener('change', this.draw);
    this.draw();
    this.allow();
  }

  /** Whether sending makes sense now, and is permitted. */
  allow(): void {
    const { send } = this.desk.rights();
    this.button.disabled = !send || !this.live.reachable;
    this.event.disabled = this.args.disabled = !send;
    if (!send) this.button.title = trans.__('You may not send events');
    else this.button.title = this.live.reachable ? '' : trans.__('The kernel does not listen now');
  }

  focus(): void {
    this.event.focus();
  }

  private form(): HTMLFormElement {
    const form = make('form', 'jsiolab-send');
    this.event.placeholder = trans.__('event');
    this.event.setAttribute('aria-label', trans.__('Event'));
    this.event.required = true;
    this.event.maxLength = 64;
    this.args.placeholder = trans.__('arguments, as JSON');
    this.args.setAttribute('aria-label', trans.__('Arguments, as JSON'));
    for (const input of [this.event, this.args]) {
      input.autocomplete = 'off';
      input.spellcheck = false;
    }
    this.button.type = 'submit';
    form.append(this.event, this.args, this.button);
    form.addEventListener('submit', event => {
      event.preventDefault();
      void this.send();
    });
    return form;
  }

  private async send(): Promise<void> {
    const event = this.event.value.trim();
    if (event === '' || this.button.disabled) return;
    setText(this.said, '');
    try {
      await this.live.send(event, this.args.value);
    } catch (error) {
      setText(this.said, error instanceof Error ? error.message : String(error));
    }
  }

  private readonly draw = (): void => {
    const { lines } = this.live.log;
    const atEnd = this.log.scrollTop + this.log.clientHeight >= this.log.scrollHeight - 4;
    const kept = new Set(lines);
    while (this.shown.length > 0 && !kept.has(this.shown[0]!)) {
      this.shown = this.shown.slice(1);
      this.log.firstElementChild?.remove();
    }
    const held = new Set(this.shown);
    this.log.append(...lines.filter(line => !held.has(line)).map(lineOf));
    this.shown = lines;
    this.empty.hidden = lines.length > 0;
    this.log.hidden = lines.length === 0;
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
  };
}

function lineOf({ time, way, event, text }: Line): HTMLElement {
  const line = make('div', 'jsiolab-line');
  line.dataset.way = way;
  line.append(
    make('span', 'jsiolab-when', formatClock(Math.floor(time / 1000) * 1000)),
    make('span', 'jsiolab-way', SIGNS[way]),
    make('span', 'jsiolab-event', event),
    make('span', 'jsiolab-text', text),
  );
  return line;
}
