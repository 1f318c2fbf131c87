/** The few drawings of the panel; they take the colour of the text around them. */

const SVG = 'http://www.w3.org/2000/svg';

/** On a square of 16. */
const PATHS = {
  fold: 'M6 3.5 10.5 8 6 12.5',
  open: 'M9.5 2.5h4v4M13.5 2.5 8 8M11.5 9.5v3a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1h3',
  share:
    'M6.6 9.4a2.6 2.6 0 0 0 3.7 0l2.6-2.6a2.6 2.6 0 0 0-3.7-3.7l-.9.9M9.4 6.6a2.6 2.6 0 0 0-3.7 0L3.1 9.2a2.6 2.6 0 0 0 3.7 3.7l.9-.9',
  leave: 'M4 4l8 8M12 4l-8 8',
  add: 'M8 3v10M3 8h10',
  stop: 'M4.5 4.5h7v7h-7z',
  follow: 'M8 1.5v3M8 11.5v3M1.5 8h3M11.5 8h3M8 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 1 0 0-7',
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('class', `jsiolab-icon jsiolab-icon-${name}`);
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

/** The panel's own, for the side bar and the tabs: rows that leave a point. */
export const PANEL_ICON = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <circle cx="12" cy="12" r="2.6"/>
    <path d="M7.05 7.05a7 7 0 0 0 0 9.9l1.5-1.5a4.9 4.9 0 0 1 0-6.9zM16.95 7.05l-1.5 1.5a4.9 4.9 0 0 1 0 6.9l1.5 1.5a7 7 0 0 0 0-9.9zM4.2 4.2a11 11 0 0 0 0 15.6l1.5-1.5a8.9 8.9 0 0 1 0-12.6zM19.8 4.2l-1.5 1.5a8.9 8.9 0 0 1 0 12.6l1.5 1.5a11 11 0 0 0 0-15.6z"/>
  </g>
</svg>`;
