/**
 * What of a mirrored widget's state is drawn, and as what: the state comes from a kernel and is
 * shown where Jupyter is, so only models of ipywidgets itself are made of it, and no other code.
 */
import { type Mirrored, type Model, reference, type State } from '../protocol/widgetState';
import { trans } from '../words';
import { standIn } from './stand_in';

/** A model of ipywidgets' front end and the state it is given. */
export interface Admitted {
  readonly name: string;
  readonly module: string;
  readonly state: State;
  /** What the reader may set now. */
  readonly settable: readonly string[];
}

/** Whether the front end has a model, or view. */
export type Has = (module: unknown, name: unknown) => boolean;

const CONTROLS = '@jupyter-widgets/controls';
/** The traits that the front end makes models of. */
const REFERRING = ['children', 'layout', 'style'] as const;

/** Views that are made of one widget; what is in two boxes has two. */
const MOST_VIEWS = 1_000;
const DEEPEST = 30;

/**
 * Decide what is drawn.
 *
 * @param may - whether the reader may set anything now; where not, it is shown disabled
 * @throws Error where a widget is in itself, or too large
 */
export function admit(mirrored: Mirrored, may: boolean, has: Has): Map<string, Admitted> {
  const admitted = new Map<string, Admitted>();
  let views = 0;
  const visit = (id: string, depth: number): void => {
    if (++views > MOST_VIEWS) throw new Error(trans.__('it has more than %1 parts', MOST_VIEWS));
    if (depth > DEEPEST)
      throw new Error(trans.__('it has more than %1 boxes in each other', DEEPEST));
    const found = admitted.get(id) ?? admitOne(mirrored, mirrored.models.get(id)!, may, has);
    admitted.set(id, found);
    for (const part of REFERRING.flatMap(trait => found.state[trait] ?? [])) {
      visit(reference(part)!, depth + 1);
    }
  };
  visit(mirrored.root, 0);
  return admitted;
}

function admitOne(mirrored: Mirrored, model: Model, may: boolean, has: Has): Admitted {
  const { _view_module: module = model.module, _view_name: view = model.name } = model.state;
  const usual = has(model.module, model.name) && has(module, view);
  const { name, state } = usual ? model : standIn(model);
  const kept = clean(mirrored, name, state);
  const settable = may ? model.settable : [];
  // A box has nothing to disable: which of its pages a reader looks at is the reader's affair.
  if (!usual || 'disabled' in kept) {
    kept.disabled = kept.disabled === true || settable.length === 0;
  }
  return { name, module: usual ? model.module : CONTROLS, state: kept, settable };
}

/** What each reader has for itself, and classes that only a notebook's style sheets know. */
const OWN = ['_view_count', 'playing', '_dom_classes'];
/** In a style: what fetches something, or hides that it does. */
const FETCHES = /(url|image|image-set|src|cross-fade|element|paint)\s*\(|\\/i;
/** A number's format that is not wider than a number: it may ask for a billion spaces. */
const FORMAT = /^[^\d.]{0,4}\d{0,2}[^\d.]{0,2}(\.\d{1,2})?[^\d.]{0,2}$/;

function clean(mirrored: Mirrored, name: string, state: State): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [trait, value] of Object.entries(state)) {
    if (OWN.includes(trait) || trait.startsWith('__')) continue;
    if (trait === 'readout_format' && !FORMAT.test(String(value))) continue;
    if (isStyle(name) && typeof value === 'string' && FETCHES.test(value)) continue;
    kept[trait] = value;
  }
  for (const trait of REFERRING) {
    if (!(trait in kept)) continue;
    const fits = (value: unknown): boolean => {
      const model = mirrored.models.get(reference(value) ?? '');
      return model !== undefined && isStyle(model.name) === (trait !== 'children');
    };
    const there = [kept[trait]].flat().filter(fits);
    kept[trait] = trait === 'children' ? there : (there[0] ?? null);
  }
  return kept;
}

/** Layouts and styles have no view of their own. */
const isStyle = (name: string): boolean => name.endsWith('StyleModel') || name === 'LayoutModel';

/** The traits that are not as they were; null for those that are gone. Both were read from JSON. */
export function changed(before: State, after: State): State {
  const gone = Object.keys(before).filter(name => !(name in after));
  const news = Object.entries(after).filter(
    ([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value),
  );
  return Object.fromEntries([...gone.map(name => [name, null] as const), ...news]);
}
