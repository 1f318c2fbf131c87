/** The streams of a kernel: a curve and the newest value, what passes, what is held. */
import { make, setText } from '../view/dom';
import { carry } from './carry';
import type { Desk } from './desk';
import { formatRate, formatSize } from './figures';
import type { Kernel, Stream } from './kernel';
import type { LiveKernel } from './live_kernel';
import { iconButton, relabel, Rows, Section } from './pieces';
import type { Source } from './source';
import { Sparkline } from './sparkline';
import { trans } from '../words';

export class StreamsView {
  readonly element: HTMLElement;
  private readonly section: Section;
  private readonly empty: HTMLElement;
  private readonly rows: Rows<Stream>;
  private readonly said = make('p', 'jsiolab-none');
  private kernel: Kernel | null = null;

  constructor(
    private readonly desk: Desk,
    private readonly live: LiveKernel,
  ) {
    this.section = new Section(trans.__('Streams'));
    this.element = this.section.element;
    const none = trans.__('None yet: push rows to one, and it appears here.');
    this.empty = make('p', 'jsiolab-none', none);
    this.rows = new Rows('jsiolab-streams', ({ stream }) => stream, this.rowOf);
    this.said.setAttribute('role', 'status');
    this.element.append(this.empty, this.rows.element, this.said);
  }

  update(kernel: Kernel): void {
    this.kernel = kernel;
    this.section.count(kernel.streams.length);
    this.empty.hidden = kernel.streams.length > 0;
    this.rows.update(kernel.streams);
  }

  private readonly rowOf = ({ stream: name }: Stream) =>
    new StreamRow(name, this.desk, this.live, {
      source: () => {
        const { id: kernelId, path } = this.kernel!; // rows are made of a kernel's streams
        return { kernelId, path, stream: name };
      },
      close: stream => void this.close(stream),
    });

  private async close({ id, stream }: Stream): Promise<void> {
    const told = await this.desk.closeStream(this.kernel!, id, stream);
    setText(this.said, told);
  }
}

/** What a row asks of the list it is in. */
interface Around {
  source: () => Source;
  close: (stream: Stream) => void;
}

class StreamRow {
  readonly element = make('li', 'jsiolab-stream');
  private readonly value = make('span', 'jsiolab-now');
  private readonly facts = make('span', 'jsiolab-facts');
  private readonly curve = new Sparkline();
  private readonly closer: HTMLButtonElement;
  private stream: Stream | null = null;

  constructor(
    private readonly name: string,
    private readonly desk: Desk,
    private readonly live: LiveKernel,
    around: Around,
  ) {
    const open = (): void => {
      desk.openStream(around.source());
    };
    const title = make('button', 'jsiolab-stream-name', name);
    title.type = 'button';
    title.dir = 'auto';
    title.title = trans.__('Open %1 in a tab', name);
    title.addEventListener('click', open);
    const opener = iconButton('open', trans.__('Open %1 in a tab', name), open);
    opener.dataset.again = 'true'; // the name does the same
    this.closer = iconButton('stop', '', () => {
      if (this.stream) around.close(this.stream);
    });
    const buttons = make('span', 'jsiolab-row-buttons');
    buttons.append(opener, this.closer);
    this.element.append(title, this.curve.element, this.value, buttons, this.facts);
    carry(this.element, around.source);
  }

  update(stream: Stream): void {
    this.stream = stream;
    const { manage } = this.desk.rights();
    this.closer.disabled = !manage || stream.ended;
    const close = trans.__('Close %1', this.name);
    relabel(this.closer, manage ? close : trans.__('You may not close streams'));
    const tail = this.live.tail(this.name);
    this.curve.element.toggleAttribute('hidden', !tail || tail.points.length < 2);
    if (tail) this.curve.draw(tail.points);
    setText(this.value, tail?.value ?? '');
    this.value.title = tail?.column ?? '';
    const facts = [
      stream.ended ? trans.__('ended') : trans.__('%1 rows/s', formatRate(stream.rowsPerSecond)),
      stream.ended ? '' : trans.__('%1/s', formatSize(stream.bytesPerSecond)),
      trans.__('%1 held', formatSize(stream.bytes)),
    ];
    setText(this.facts, facts.filter(Boolean).join(' · '));
  }
}
