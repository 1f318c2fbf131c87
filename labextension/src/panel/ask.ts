/** Questions to the reader. */
import { make } from '../view/dom';
import { trans } from '../words';

interface Labelled {
  label: string;
}

const YES = 'yes';
let count = 0;

export class Ask {
  /** Have one of several picked; null where the reader picks none, or there is none. */
  async pick<T extends Labelled>(title: string, label: string, items: T[]): Promise<T | null> {
    if (items.length === 0) {
      await this.tell(title, trans.__('There is none.'));
      return null;
    }
    const select = make('select', 'jp-mod-styled');
    select.append(...items.map((each, index) => new Option(each.label, String(index))));
    const labelled = make('label', 'jsiolab-labelled', label);
    labelled.append(select);
    const yes = await open(title, labelled, { yes: trans.__('OK'), no: trans.__('Cancel') });
    return yes ? (items[select.selectedIndex] ?? null) : null;
  }

  /** Whether the reader wants what cannot be undone. */
  confirm(title: string, body: string, yes: string): Promise<boolean> {
    return open(title, make('p', '', body), { yes, no: trans.__('Cancel') });
  }

  async tell(title: string, body: string): Promise<void> {
    await open(title, make('p', '', body), { no: trans.__('Close') });
  }
}

/** What the buttons say; the first that there is has the focus. */
interface Answers {
  yes?: string;
  no: string;
}

/** Ask, and see whether the answer is yes. */
function open(title: string, content: HTMLElement, { yes, no }: Answers): Promise<boolean> {
  const dialog = make('dialog', 'jsiolab-dialog jsiolab-question');
  const heading = make('h2', '', title);
  heading.id = `jsiolab-question-${count++}`;
  heading.dir = 'auto';
  dialog.setAttribute('aria-labelledby', heading.id);
  const form = make('form', '');
  form.method = 'dialog';
  const foot = make('footer', '');
  foot.append(answer(no, '', 'jsiolab-button'));
  if (yes) foot.append(answer(yes, YES, 'jsiolab-button jsiolab-main'));
  form.append(content, foot);
  dialog.append(heading, form);
  // What is typed here are no shortcuts of the notebook behind it.
  dialog.addEventListener('focusin', ({ target }) => {
    if (target instanceof HTMLElement) target.dataset.lmSuppressShortcuts = 'true';
  });
  document.body.append(dialog);
  dialog.showModal();
  return new Promise(resolve => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === YES);
    });
  });
}

function answer(text: string, value: string, className: string): HTMLButtonElement {
  const button = make('button', className, text);
  button.value = value;
  return button;
}
