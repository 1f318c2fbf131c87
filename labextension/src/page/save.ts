/** What a card shows as files: its rows, its newest image or blob, a picture of it. */
import { toArrow } from './arrow';
import type { CardStream } from './card_stream';
import { toCsv } from './csv';
import { download, fileName } from './parts';

/** `Save`: the newest image or blob, as it came. */
export type Kind = 'PNG' | 'CSV' | 'Arrow' | 'Save';

/** Download the rows of each stream; or all of them as one picture. */
export function saveAs(
  kind: Kind,
  streams: readonly CardStream[],
  picture: HTMLCanvasElement | null,
): void {
  if (kind !== 'PNG') for (const stream of streams) saveStream(kind, stream);
  else if (picture) savePicture(streams.map(({ label }) => label).join('_'), picture);
}

function saveStream(kind: Kind, { label, media, held }: CardStream): void {
  const { rows, newest } = held;
  if (kind === 'CSV') download(fileName(label, 'csv'), toCsv(rows.parts), 'text/csv');
  else if (kind === 'Arrow') {
    const bytes = toArrow(rows.parts) as Uint8Array<ArrayBuffer>;
    download(fileName(label, 'arrow'), [bytes], 'application/vnd.apache.arrow.file');
  } else if (newest) {
    const ending = media.startsWith('image/') ? media.slice('image/'.length) : 'bin';
    download(fileName(label, ending), [newest as Uint8Array<ArrayBuffer>], media);
  }
}

function savePicture(name: string, picture: HTMLCanvasElement): void {
  picture.toBlob(blob => {
    if (blob) download(fileName(name, 'png'), [blob], 'image/png');
  }, 'image/png');
}
