/** Share links of one kernel: make one, copy it, see who uses which, take one back. */
import { make, setText } from '../view/dom';
import { formatTime } from '../view/format';
import type { Desk } from './desk';
import { type Kernel, nameOf } from './kernel';
import { Rows } from './pieces';
import type { ShareLink } from './server';
import { trans } from '../words';

const REFRESH_MS = 3_000;
let count = 0;

/** Open the dialog; it ends itself. */
export function openShareDialog(kernel: Kernel, desk: Desk): void {
  const dialog = new ShareDialog(kernel, desk);
  document.body.append(dialog.element);
  dialog.element.showModal();
}

class ShareDialog {
  readonly element = make('dialog', 'jsiolab-dialog');
  private readonly streams: Choice;
  private readonly events = field();
  private readonly label = field();
  private readonly expires = make('select', 'jp-mod-styled');
  private readonly said = make('p', 'jsiolab-said');
  private readonly made = make('div', 'jsiolab-made');
  private readonly url = make('input', 'jp-mod-styled');
  private readonly links: Rows<ShareLink>;
  private readonly none: HTMLElement;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly kernel: Kernel,
    private readonly desk: Desk,
  ) {
    this.streams = new Choice(kernel);
    this.none = make('p', 'jsiolab-none', trans.__('No links yet.'));
    this.links = new Rows('jsiolab-links', ({ id }) => id, this.rowOf);
    this.timer = setInterval(() => void this.refresh(), REFRESH_MS);
    this.element.addEventListener('close', () => {
      clearInterval(this.timer);
      this.element.remove();
    });
    this.build();
    void this.refresh();
  }

  private build(): void {
    const title = make('h2', '', trans.__('Share %1', nameOf(this.kernel)));
    title.id = `jsiolab-dialog-${count++}`;
    title.dir = 'auto';
    this.element.setAttribute('aria-labelledby', title.id);
    // What is typed here are no shortcuts of the notebook behind it.
    this.element.addEventListener('focusin', ({ target }) => {
      if (target instanceof HTMLElement) target.dataset.lmSuppressShortcuts = 'true';
    });
    const close = make('button', 'jsiolab-button', trans.__('Close'));
    close.type = 'button';
    close.addEventListener('click', () => {
      this.element.close();
    });
    this.said.setAttribute('role', 'status');
    const foot = make('footer', '');
    foot.append(close);
    const explained = trans.__(
      'Whoever has the link can watch without a login, and cannot execute anything.',
    );
    const heading = make('h3', '', trans.__('Links to this kernel'));
    this.element.append(title, make('p', 'jsiolab-none', explained), this.form());
    this.element.append(this.said, this.made, heading, this.none, this.links.element, foot);
    this.buildMade();
  }

  private form(): HTMLFormElement {
    const form = make('form', 'jsiolab-share-form');
    const lifetimes = [
      ['1h', trans.__('1 hour')],
      ['24h', trans.__('1 day')],
      ['7d', trans.__('7 days')],
    ] as const;
    for (const [value, text] of lifetimes) {
      const option = make('option', '', text);
      option.value = value;
      option.selected = value === '24h';
      this.expires.append(option);
    }
    this.events.placeholder = trans.__('none; for example: stop, faster');
    this.label.placeholder = trans.__('whom it is for; only you see it');
    const submit = make('button', 'jsiolab-button jsiolab-main', trans.__('Make a link'));
    submit.type = 'submit';
    form.append(
      this.streams.element,
      labelled(trans.__('Events that may be sent'), this.events),
      labelled(trans.__('Works for'), this.expires),
      labelled(trans.__('Label'), this.label),
      submit,
    );
    form.addEventListener('submit', event => {
      event.preventDefault();
      void this.share();
    });
    return form;
  }

  private buildMade(): void {
    const copy = make('button', 'jsiolab-button jsiolab-main', trans.__('Copy'));
    copy.type = 'button';
    copy.addEventListener('click', () => void this.copy(copy));
    this.url.readOnly = true;
    this.url.setAttribute('aria-label', trans.__('The link'));
    const once = make('span', 'jsiolab-none', trans.__('It is shown only now.'));
    this.made.append(this.url, copy, once);
    this.made.hidden = true;
  }

  private async share(): Promise<void> {
    const { server } = this.desk;
    const wanted = {
      kernel_id: this.kernel.id,
      streams: this.streams.chosen,
      send: this.events.value.split(/[\s,]+/).filter(Boolean),
      expires: this.expires.value,
      label: this.label.value.trim(),
    };
    await this.tell(trans.__('No link was made'), async () => {
      this.url.value = await server.share(wanted);
      this.made.hidden = false;
      this.url.select();
      return trans.__('The link is made.');
    });
    await this.refresh();
  }

  /** Browsers give the clipboard to secure pages only; elsewhere the text is left selected. */
  private async copy(button: HTMLButtonElement): Promise<void> {
    this.url.select();
    try {
      await navigator.clipboard.writeText(this.url.value);
      setText(button, trans.__('Copied'));
    } catch {
      setText(button, trans.__('Press Ctrl+C'));
      this.url.focus();
    }
  }

  private async refresh(): Promise<void> {
    try {
      const links = await this.desk.server.links(this.kernel.id);
      this.links.update(links);
      this.none.hidden = links.length > 0;
    } catch (error) {
      setText(this.said, messageOf(error));
    }
  }

  private async revoke({ id, label }: ShareLink): Promise<void> {
    const { server } = this.desk;
    await this.tell(trans.__('It was not revoked'), async () => {
      await server.revoke(id);
      return label ? trans.__('“%1” was revoked.', label) : trans.__('The link was revoked.');
    });
    await this.refresh();
  }

  private async tell(failed: string, act: () => Promise<string>): Promise<void> {
    try {
      setText(this.said, await act());
    } catch (error) {
      setText(this.said, `${failed}: ${messageOf(error)}.`);
    }
  }

  private readonly rowOf = (link: ShareLink) => new LinkRow(link, () => void this.revoke(link));
}

/** Which streams: all there are and will be, or some of those there are. */
class Choice {
  readonly element = make('fieldset', 'jsiolab-choice');
  private readonly all = make('input', '');
  private readonly boxes: readonly HTMLInputElement[];

  constructor(kernel: Kernel) {
    this.all.type = 'checkbox';
    this.all.checked = true;
    this.boxes = kernel.streams.map(({ stream }) => {
      const box = make('input', '');
      box.type = 'checkbox';
      box.value = stream;
      return box;
    });
    this.element.append(make('legend', '', trans.__('Streams')));
    this.element.append(ticked(this.all, trans.__('all, also those to come')));
    this.element.append(...this.boxes.map(box => ticked(box, box.value)));
    this.element.addEventListener('change', ({ target }) => {
      const some = this.boxes.some(box => box.checked);
      if (target === this.all && this.all.checked)
        for (const box of this.boxes) box.checked = false;
      else this.all.checked = !some;
    });
  }

  /** Globs; none for all. */
  get chosen(): string[] {
    return this.boxes.filter(box => box.checked).map(box => escapeGlob(box.value));
  }
}

class LinkRow {
  readonly element = make('li', 'jsiolab-link');
  private readonly facts = make('span', 'jsiolab-facts');

  constructor({ label }: ShareLink, revoke: () => void) {
    const name = make('strong', '', label || trans.__('without a label'));
    name.dir = 'auto';
    const button = make('button', 'jsiolab-button', trans.__('Revoke'));
    button.type = 'button';
    button.setAttribute('aria-label', trans.__('Revoke %1', label || trans.__('this link')));
    button.addEventListener('click', revoke);
    this.element.append(name, button, this.facts);
  }

  update({ streams, send, expires, uses, viewers }: ShareLink): void {
    const minute = Math.floor(expires / 60_000) * 60_000;
    const facts = [
      streams.length > 0 ? streams.join(', ') : trans.__('all streams'),
      send.length > 0 ? trans.__('may send %1', send.join(', ')) : '',
      trans.__('until %1', formatTime(minute).slice(0, -':00'.length)),
      trans.__('%1 watching', viewers.length),
      trans._n('used %1 time', 'used %1 times', uses),
    ];
    setText(this.facts, facts.filter(Boolean).join(' · '));
  }
}

function field(): HTMLInputElement {
  const input = make('input', 'jp-mod-styled');
  input.maxLength = 500;
  input.autocomplete = 'off';
  return input;
}

function labelled(text: string, input: HTMLElement): HTMLElement {
  const label = make('label', 'jsiolab-labelled', text);
  label.append(input);
  return label;
}

function ticked(box: HTMLInputElement, text: string): HTMLElement {
  const label = make('label', 'jsiolab-ticked');
  const name = make('span', '', text);
  name.dir = 'auto';
  label.append(box, name);
  return label;
}

/** A stream's name as a glob that matches it alone. */
export const escapeGlob = (name: string): string => name.replaceAll(/[*?[]/g, '[$&]');

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
