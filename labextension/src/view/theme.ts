/** Follows the page: JupyterLab's theme where there is one, else what the browser prefers. */

/**
 * Mark `root` as dark or light now and whenever the page changes, and tell.
 *
 * @param changed - called after each change, not at first
 */
export function followTheme(root: HTMLElement, changed: () => void, signal: AbortSignal): void {
  const preference = matchMedia('(prefers-color-scheme: dark)');
  const mark = (): void => {
    const light = document.body.dataset.jpThemeLight;
    root.classList.toggle(
      'jsio-dark',
      light === undefined ? preference.matches : light === 'false',
    );
  };
  const update = (): void => {
    mark();
    changed();
  };
  mark();
  const observer = new MutationObserver(update);
  const attributeFilter = ['data-jp-theme-light', 'data-jp-theme-name'];
  observer.observe(document.body, { attributeFilter });
  signal.addEventListener('abort', () => {
    observer.disconnect();
  });
  preference.addEventListener('change', update, { signal });
}

/** The value of a custom property as it stands at `element`. */
export function property(element: HTMLElement, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}
