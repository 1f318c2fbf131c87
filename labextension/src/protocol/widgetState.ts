/**
 * A mirrored ipywidget's state, as the kernel tells it: Jupyter's widget state 2.0, with what may be
 * set. Source: docs/how-to/mirror.md.
 */
import type { Table } from './payload';

export type State = Readonly<Record<string, unknown>>;

export interface Model {
  readonly id: string;
  /** As ipywidgets names it: `FloatSliderModel`. */
  readonly name: string;
  /** The package of its front end: `@jupyter-widgets/controls`. */
  readonly module: string;
  readonly state: State;
  /** The traits that a viewer may set. */
  readonly settable: readonly string[];
}

export interface Mirrored {
  /** The event that sets it. */
  readonly event: string;
  readonly root: string;
  readonly models: Map<string, Model>;
}

/** The event of a mirrored widget begins with this; such events have controls, not buttons. */
export const WIDGET_EVENT = 'widget:';

/** The columns by which a row is known to be one. */
export const WIDGET_COLUMNS = ['version_major', 'state', 'view', 'event', 'settable'] as const;

/** Read one row; null where it is none of a mirrored widget. */
export function readMirrored(table: Table, row: number): Mirrored | null {
  const [version, state, root, event, settable] = WIDGET_COLUMNS.map(name =>
    table.column(name)?.at(row),
  );
  if (version !== 2 || !isRecord(state) || typeof root !== 'string') return null;
  if (typeof event !== 'string' || !isRecord(settable)) return null;
  const models = new Map<string, Model>();
  for (const [id, model] of Object.entries(state)) {
    if (!isRecord(model) || !isRecord(model.state)) return null;
    models.set(id, {
      id,
      name: String(model.model_name),
      module: String(model.model_module),
      state: model.state,
      settable: Object.hasOwn(settable, id) ? texts(settable[id]) : [],
    });
  }
  return models.has(root) ? { event, root, models } : null;
}

/** The model that a value refers to: `IPY_MODEL_<id>`; none where it is no reference. */
export const reference = (value: unknown): string | null =>
  typeof value === 'string' && value.startsWith(REFERENCE) ? value.slice(REFERENCE.length) : null;

const REFERENCE = 'IPY_MODEL_';

/** The texts of a list. */
export const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
