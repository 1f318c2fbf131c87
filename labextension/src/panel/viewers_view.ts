/** Who watches a kernel; those who manage can show somebody the door. */
import { ownViewers } from '../own';
import { make, setText } from '../view/dom';
import { formatCount } from '../view/format';
import type { Desk } from './desk';
import { formatDuration } from './figures';
import type { Kernel } from './kernel';
import { iconButton, relabel, Rows, Section } from './pieces';
import type { ShareLink, Viewer } from './server';
import { trans } from '../words';

/** Somebody who watches, and the share link he came by. */
type Watching = Viewer & { link: ShareLink | undefined };

const linkOf = ({ id }: Viewer, links: readonly ShareLink[]): ShareLink | undefined =>
  links.find(({ viewers }) => viewers.some(viewer => viewer.id === id));

export class ViewersView {
  readonly element: HTMLElement;
  private readonly section: Section;
  private readonly rows: Rows<Watching>;
  private readonly said = make('p', 'jsiolab-none');

  constructor(
    private readonly desk: Desk,
    private readonly kernelId: string,
  ) {
    this.section = new Section(trans.__('Viewers'));
    this.element = this.section.element;
    this.said.setAttribute('role', 'status');
    this.rows = new Rows('jsiolab-viewers', ({ id }) => id, this.rowOf);
    this.element.append(this.rows.element, this.said);
  }

  update(kernel: Kernel): void {
    this.section.count(kernel.viewers);
  }

  /** Ask who watches now. */
  async refresh(): Promise<void> {
    const { server } = this.desk;
    const [viewers, links] = await Promise.all([server.viewers(this.kernelId), this.links()]);
    this.rows.update(viewers.map(viewer => ({ ...viewer, link: linkOf(viewer, links) })));
  }

  private readonly rowOf = (viewer: Watching) =>
    new ViewerRow(this.desk, () => void this.disconnect(viewer));

  /** Who came by which link is told to those who manage, where links are not off. */
  private async links(): Promise<readonly ShareLink[]> {
    if (!this.desk.rights().manage) return [];
    return this.desk.server.links(this.kernelId).catch(() => []);
  }

  private async disconnect(viewer: Viewer): Promise<void> {
    setText(this.said, await this.desk.disconnect(this.kernelId, viewer));
    await this.refresh();
  }
}

class ViewerRow {
  readonly element = make('li', 'jsiolab-viewer');
  private readonly name = make('span', 'jsiolab-viewer-name');
  private readonly kind = make('span', 'jsiolab-kind');
  private readonly facts = make('span', 'jsiolab-facts');
  private readonly leave: HTMLButtonElement;

  constructor(
    private readonly desk: Desk,
    disconnect: () => void,
  ) {
    this.name.dir = 'auto';
    this.name.tabIndex = -1; // arrow keys come here, and to the button beside it
    this.leave = iconButton('leave', '', disconnect);
    this.element.append(this.name, this.kind, this.leave, this.facts);
  }

  update({ id, name, kind, grants, since, lag, link }: Watching): void {
    setText(this.name, name);
    setText(this.kind, tellKind(kind));
    const facts = [
      ownViewers.has(id) ? trans.__('this window') : '',
      link && trans.__('by link %1', link.label || link.id),
      grants.map(tellGrant).join(', '),
      trans.__('for %1', formatDuration(Date.now() - since)),
      lag === 0
        ? trans.__('no lag')
        : lag === 1
          ? trans.__('1 row behind')
          : trans.__('%1 rows behind', formatCount(lag)),
    ];
    setText(this.facts, facts.filter(Boolean).join(' · '));
    const { manage } = this.desk.rights();
    this.leave.disabled = !manage;
    const label = manage
      ? trans.__('Disconnect %1 (%2)', name, tellKind(kind))
      : trans.__('You may not disconnect');
    relabel(this.leave, label);
  }
}

export function tellKind(kind: string): string {
  const told: Partial<Record<string, string>> = {
    panel: trans.__('panel'),
    widget: trans.__('widget'),
    page: trans.__('page'),
    script: trans.__('script'),
    link: trans.__('link'),
  };
  return told[kind] ?? kind;
}

function tellGrant(grant: string): string {
  const told: Partial<Record<string, string>> = {
    watch: trans.__('watch'),
    send: trans.__('send'),
    manage: trans.__('manage'),
  };
  return told[grant] ?? grant;
}
