/** A plot as one picture: its title and the names of its lines above the drawing. */
import { property } from './theme';

export interface Around {
  /** Where colours and the font are read. */
  root: HTMLElement;
  title: string;
  lines: readonly { label: string; color: string }[];
  /** Of the drawing, in CSS pixels. */
  width: number;
}

const LINE = 24;
const SWATCH = 14;
const GAP = 8;

export function plotPicture(drawing: HTMLCanvasElement, around: Around): HTMLCanvasElement | null {
  const { root, title, lines, width } = around;
  const scale = drawing.width / width;
  const head = LINE * (title ? 2 : 1);
  const height = head + drawing.height / scale;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [drawing.width, drawing.height + Math.round(head * scale)];
  const context = canvas.getContext('2d');
  if (!context) return null;
  context.scale(scale, scale);
  context.fillStyle = property(root, '--jsio-paper');
  context.fillRect(0, 0, width, height);
  const { fontFamily } = getComputedStyle(root);
  context.textBaseline = 'middle';
  context.fillStyle = property(root, '--jsio-ink');
  context.font = `600 14px ${fontFamily}`;
  if (title) context.fillText(title, GAP, LINE / 2, width - 2 * GAP);
  context.font = `12px ${fontFamily}`;
  let x = GAP;
  for (const { label, color } of lines) {
    context.fillStyle = property(root, color);
    context.fillRect(x, head - LINE / 2 - 1, SWATCH, 3);
    context.fillStyle = property(root, '--jsio-soft-ink');
    context.fillText(label, x + SWATCH + 6, head - LINE / 2);
    x += SWATCH + 6 + context.measureText(label).width + 2 * GAP;
  }
  context.drawImage(drawing, 0, head, width, drawing.height / scale);
  return canvas;
}
