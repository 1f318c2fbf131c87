/** The viewers that this browser's page is by itself, so that others can be told from them. */

/** Modules that are bundled apart meet here: a viewer's id -> the namespace it is in. */
const OWN = 'jupyter_sio.viewers';

const page = globalThis as { [OWN]?: Map<string, string> };

export const ownViewers = (page[OWN] ??= new Map<string, string>());

/** How many of the viewers of a namespace are this page's. */
export const countOwn = (namespace: string): number =>
  [...ownViewers.values()].filter(each => each === namespace).length;
