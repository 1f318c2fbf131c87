/** The panel's settings; those of the schema until JupyterLab has told the reader's own. */
import type { Settings } from '../lab/jupyterlab';

/** Dispatches `change`. */
export class Preferences extends EventTarget {
  private settings: Settings | null = null;
  private follows = true;

  get followActive(): boolean {
    return this.settings ? this.settings.composite.followActive !== false : this.follows;
  }

  set followActive(follow: boolean) {
    this.follows = follow;
    if (this.settings) void this.settings.set('followActive', follow);
    else this.changed();
  }

  get sparklines(): boolean {
    return this.settings?.composite.sparklines !== false;
  }

  get statusItem(): boolean {
    return this.settings?.composite.statusItem !== false;
  }

  take(settings: Settings): void {
    this.settings = settings;
    settings.changed.connect(this.changed);
    this.changed();
  }

  private readonly changed = (): void => {
    this.dispatchEvent(new Event('change'));
  };
}
