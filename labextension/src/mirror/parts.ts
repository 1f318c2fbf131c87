/** The models and views of ipywidgets' own front end. */
import { LayoutModel, LayoutView, StyleModel, StyleView } from '@jupyter-widgets/base';
import { WidgetModel, WidgetView } from '@jupyter-widgets/base';
import * as controls from '@jupyter-widgets/controls';

const PARTS = new Map<unknown, Readonly<Record<string, unknown>>>([
  ['@jupyter-widgets/base', { LayoutModel, LayoutView, StyleModel, StyleView }],
  ['@jupyter-widgets/controls', controls],
]);

/** Not what fetches, plays, reads files or devices, or sets what nobody touched. */
const NEVER = /^(Image|Video|Audio|FileUpload|Controller\w*|Link|DirectionalLink)(Model|View)$/;

/** A model's or view's class; null where there is none that can be drawn. */
export function part(module: unknown, name: unknown): unknown {
  const parts = PARTS.get(module);
  if (!parts || typeof name !== 'string' || NEVER.test(name)) return null;
  const found = Object.hasOwn(parts, name) ? parts[name] : null;
  if (typeof found !== 'function') return null;
  const { prototype } = found as { prototype: unknown };
  return prototype instanceof WidgetModel || prototype instanceof WidgetView ? found : null;
}

export const has = (module: unknown, name: unknown): boolean => part(module, name) !== null;
