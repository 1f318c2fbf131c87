/** The kernel of the notebook in front, as JupyterLab's tracker of notebooks knows it. */
import type { NotebookTracker, SessionContext } from '../lab/jupyterlab';

/** Dispatches `change` whenever `kernelId` may have changed. */
export class Front extends EventTarget {
  private context: SessionContext | null = null;

  constructor(private readonly notebooks: NotebookTracker | null) {
    super();
    notebooks?.currentChanged.connect(this.turned);
    this.turned();
  }

  get kernelId(): string | null {
    return this.context?.session?.kernel?.id ?? null;
  }

  private readonly turned = (): void => {
    this.context?.kernelChanged.disconnect(this.changed);
    this.context = this.notebooks?.currentWidget?.sessionContext ?? null;
    this.context?.kernelChanged.connect(this.changed);
    this.changed();
  };

  private readonly changed = (): void => {
    this.dispatchEvent(new Event('change'));
  };
}
