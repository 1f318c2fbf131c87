/** When the document that an output stands in is about to be saved. */

interface Signal {
  connect(slot: (sender: unknown, state: unknown) => void): unknown;
  disconnect(slot: (sender: unknown, state: unknown) => void): unknown;
}

/** The parts of Lumino's widget, and of JupyterLab's document widget, that are used here. */
interface Nested {
  readonly parent: Nested | null;
  readonly context?: { readonly saveState?: Signal };
}

/**
 * Call `then` right before each saving, in time for what it changes to be saved too; null where
 * `widget` is in no document.
 *
 * @returns how to end that
 */
export function beforeSaving(widget: object, then: () => void): (() => void) | null {
  let around: Nested | null = widget as Nested;
  while (around && !around.context?.saveState) around = around.parent;
  const signal = around?.context?.saveState;
  if (!signal) return null;
  const slot = (_sender: unknown, state: unknown): void => {
    if (state === 'started') then();
  };
  signal.connect(slot);
  return () => {
    signal.disconnect(slot);
  };
}
