/**
 * One control of a mirrored widget, made of the page's own elements. It knows no socket: what the
 * reader does is given to `set`.
 */
import { type Model, type State, texts } from '../protocol/widgetState';
import { brief, make, setText } from './dom';
import { formatNumber } from './format';
import { type ControlKind, isPair, kindOf } from './kind';

/** What a reader does: sets traits, or presses. */
export type Gesture = { values: Record<string, unknown> } | { content: { event: 'click' } };

export interface Control {
  readonly element: HTMLElement;
  /** Show a state; one that the reader is changing stays as it is. */
  show(model: Model, possible: boolean): void;
}

export type Set = (model: string, gesture: Gesture) => void;

/** Make the control of a model; a box has none, its children have. */
export function makeControl(model: Model, set: Set): Control {
  const does = (gesture: Gesture): void => {
    set(model.id, gesture);
  };
  const kind = kindOf(model);
  // A label would take the button's own words from it.
  const element = make(kind === 'button' ? 'div' : 'label', 'jsio-control');
  element.dataset.kind = kind;
  const name = make('span', 'jsio-control-name');
  const inner = INNER[kind](does);
  if (kind !== 'button') element.append(name);
  element.append(...inner.elements);
  return {
    element,
    show(next, possible) {
      const { state, settable } = next;
      const description = brief(textOf(state.description));
      setText(name, description);
      name.hidden = description === '';
      const may = possible && state.disabled !== true && (kind === 'button' || settable.length > 0);
      element.dataset.idle = String(!may);
      inner.show(state, may);
    },
  };
}

interface Inner {
  elements: HTMLElement[];
  show(state: State, may: boolean): void;
}

type Make = (does: (gesture: Gesture) => void) => Inner;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** An input whose value is shown, unless the reader is at it. */
function input(type: string, read: (element: HTMLInputElement) => unknown, event = 'input'): Make {
  return does => {
    const element = make('input', '');
    element.type = type;
    element.addEventListener(event, () => {
      const value = read(element);
      if (value !== null) does({ values: { value } });
    });
    return {
      elements: [element],
      show({ value, placeholder }, may) {
        element.disabled = !may;
        element.placeholder = textOf(placeholder);
        const text = String(value);
        if (!isBusy(element) && element.value !== text) element.value = text;
      },
    };
  };
}

const isBusy = (element: Element): boolean => element === document.activeElement;

const number = (element: HTMLInputElement): number | null =>
  element.value === '' || Number.isNaN(element.valueAsNumber) ? null : element.valueAsNumber;

const range: Make = does => {
  const slider = rangeInput();
  const told = make('output', 'jsio-control-value');
  slider.addEventListener('input', () => {
    setText(told, formatNumber(slider.valueAsNumber));
    does({ values: { value: slider.valueAsNumber } });
  });
  return {
    elements: [slider, told],
    show(state, may) {
      bound(slider, state, may);
      if (isHeld(slider)) return;
      slider.value = String(state.value);
      setText(told, formatNumber(numberOf(state.value)));
    },
  };
};

const rangePair: Make = does => {
  const ends = [rangeInput(), rangeInput()] as const;
  const told = make('output', 'jsio-control-value');
  const say = (values: readonly number[]): void => {
    setText(told, values.map(formatNumber).join(' – '));
  };
  for (const end of ends) {
    end.addEventListener('input', () => {
      const value = ends.map(({ valueAsNumber }) => valueAsNumber).sort((a, b) => a - b);
      say(value);
      does({ values: { value } });
    });
  }
  return {
    elements: [...ends, told],
    show(state, may) {
      for (const [side, end] of ends.entries()) {
        bound(end, state, may);
        if (!ends.some(isHeld) && isPair(state.value)) end.value = String(state.value[side]);
      }
      if (!ends.some(isHeld) && isPair(state.value)) say(state.value);
    },
  };
};

/** A slider that is dragged is not moved under the reader's finger. */
function rangeInput(): HTMLInputElement {
  const element = make('input', '');
  element.type = 'range';
  const hold = (held: boolean) => (): void => {
    element.dataset.held = String(held);
  };
  element.addEventListener('pointerdown', hold(true));
  for (const end of ['pointerup', 'pointercancel', 'blur'] as const) {
    element.addEventListener(end, hold(false));
  }
  return element;
}

const isHeld = (element: HTMLInputElement): boolean => element.dataset.held === 'true';

function bound(element: HTMLInputElement, { min, max, step }: State, may: boolean): void {
  element.disabled = !may;
  element.min = String(min);
  element.max = String(max);
  element.step = typeof step === 'number' ? String(step) : 'any';
}

const checkbox: Make = does => {
  const element = make('input', '');
  element.type = 'checkbox';
  element.addEventListener('change', () => {
    does({ values: { value: element.checked } });
  });
  return {
    elements: [element],
    show({ value }, may) {
      element.disabled = !may;
      element.checked = value === true;
    },
  };
};

function choice(many: boolean): Make {
  return does => {
    const element = make('select', '');
    element.multiple = many;
    element.addEventListener('change', () => {
      const chosen = [...element.selectedOptions].map(option => option.index);
      does({ values: { index: many ? chosen : (chosen[0] ?? null) } });
    });
    let shown = '';
    return {
      elements: [element],
      show({ _options_labels: labels, index }, may) {
        element.disabled = !may;
        const names = JSON.stringify(labels);
        if (names !== shown) {
          shown = names;
          element.replaceChildren(...texts(labels).map(label => make('option', '', brief(label))));
        }
        const chosen = new globalThis.Set(many ? (index as unknown[]) : [index]);
        for (const option of element.options) option.selected = chosen.has(option.index);
        if (!many && typeof index !== 'number') element.selectedIndex = -1;
      },
    };
  };
}

const textarea: Make = does => {
  const element = make('textarea', '');
  element.rows = 3;
  element.addEventListener('input', () => {
    does({ values: { value: element.value } });
  });
  return {
    elements: [element],
    show({ value }, may) {
      element.disabled = !may;
      if (!isBusy(element)) element.value = textOf(value);
    },
  };
};

const button: Make = does => {
  const element = make('button', '');
  element.type = 'button';
  element.addEventListener('click', () => {
    does({ content: { event: 'click' } });
  });
  return {
    elements: [element],
    show({ description, tooltip }, may) {
      element.disabled = !may;
      setText(element, brief(textOf(description)) || 'press');
      element.title = textOf(tooltip);
    },
  };
};

const progress: Make = () => {
  const bar = make('progress', '');
  const told = make('output', 'jsio-control-value');
  return {
    elements: [bar, told],
    show({ value, min, max }) {
      const least = numberOf(min);
      bar.hidden = typeof max !== 'number';
      bar.max = Math.max(numberOf(max) - least, Number.MIN_VALUE);
      bar.value = numberOf(value) - least;
      setText(told, formatNumber(numberOf(value)));
    },
  };
};

/** A label, a picture, whatever has no control of its own: its words. */
const words: Make = () => {
  const element = make('span', 'jsio-control-words');
  return {
    elements: [element],
    show({ value, description }) {
      const text =
        typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
      setText(element, brief(text || textOf(description), 1_000));
    },
  };
};

const INNER: Record<Exclude<ControlKind, 'box'>, Make> & { box: Make } = {
  box: words,
  button,
  checkbox,
  choice: choice(false),
  choices: choice(true),
  number: input('number', number),
  progress,
  range,
  rangePair,
  text: input('text', ({ value }) => value),
  textarea,
  words,
};
