/**
 * The one place that words for the reader go through: JupyterLab's translator, where there is one,
 * else English. It is looked for anew each time, so nothing is put into words as a module loads.
 */

/** The shape of JupyterLab's gettext bundles; `%1` stands for the first argument, of `_n` for the number. */
export interface Words {
  __(text: string, ...args: (string | number)[]): string;
  _n(one: string, many: string, count: number, ...args: (string | number)[]): string;
}

/** The widgets' modules and JupyterLab's plugins are bundled apart, and meet here. */
const SPOKEN = 'jupyter_sio.words';

const page = globalThis as { [SPOKEN]?: Words };

const fill = (text: string, args: readonly (string | number)[]): string =>
  text.replaceAll(/%(\d)/g, (whole, place: string) => String(args[Number(place) - 1] ?? whole));

export const ENGLISH: Words = {
  __: (text, ...args) => fill(text, args),
  _n: (one, many, count, ...args) => fill(count === 1 ? one : many, [count, ...args]),
};

/** Say everything in these words from now on. */
export function speak(words: Words): void {
  page[SPOKEN] = words;
}

/** Named as JupyterLab's own code names it, by which its tools find what is to be translated. */
export const trans: Words = {
  __: (text, ...args) => (page[SPOKEN] ?? ENGLISH).__(text, ...args),
  _n: (one, many, count, ...args) => (page[SPOKEN] ?? ENGLISH)._n(one, many, count, ...args),
};
