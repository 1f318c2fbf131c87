/**
 * Where the script lies that draws mirrored widgets: beside the one that this is in. Both names are
 * given by build.mjs.
 */
import type { Draw } from './view/controls';

declare const JSIO_HERE: string;
declare const JSIO_MIRROR: string;

// Only while a script begins to run does the page know which one it is.
const here = JSIO_HERE;

export async function loadMirror(): Promise<Draw> {
  const { draw } = (await import(new URL(JSIO_MIRROR, here).href)) as { draw: Draw };
  return draw;
}
