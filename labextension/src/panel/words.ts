/** English, for where JupyterLab offers no translator; the shape is its gettext bundle's. */
import type { Words } from '../lab/jupyterlab';

const fill = (text: string, args: readonly (string | number)[]): string =>
  text.replaceAll(/%(\d)/g, (whole, place: string) => String(args[Number(place) - 1] ?? whole));

export const ENGLISH: Words = {
  __: (text, ...args) => fill(text, args),
  _n: (one, many, count, ...args) => fill(count === 1 ? one : many, [count, ...args]),
};
