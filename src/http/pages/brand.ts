export type Rgb = readonly [number, number, number];

/** The surfaces that text and controls in the brand's colour stand on; views/assets/postern.css has the same. */
export const SURFACES = {
  light: { page: '#f5f6f9', card: '#ffffff', sunken: '#f7f8fa', tint: 0.1, toward: '#000000' },
  dark: { page: '#0e1117', card: '#1a1f29', sunken: '#212733', tint: 0.2, toward: '#ffffff' },
} as const;

const TEXT_CONTRAST = 4.5;
const CONTROL_CONTRAST = 3;

/** @param hex like `#2f5bea`. */
export const parseColor = (hex: string): Rgb =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
const print = (rgb: Rgb): string =>
  `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;

/** Mixes `share` (0 to 1) of `other` into `color`. */
function mix(color: string, other: string, share: number): string {
  const [a, b] = [parseColor(color), parseColor(other)];
  return print(a.map((part, index) => part + ((b[index] ?? 0) - part) * share) as unknown as Rgb);
}

function luminance(color: string): number {
  const [red, green, blue] = parseColor(color).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio"). */
export function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** `color`, mixed toward black or white no further than it takes to reach `ratio` on every one of `surfaces`. */
function legible(color: string, toward: string, ratio: number, surfaces: readonly string[]): string {
  for (let share = 0; share < 1; share += 0.02) {
    const candidate = mix(color, toward, share);
    if (surfaces.every((surface) => contrast(candidate, surface) >= ratio)) return candidate;
  }
  return toward;
}

/** The colour of text on `color`: white where it is legible, black otherwise. */
export const onColor = (color: string): string =>
  contrast(color, '#ffffff') >= TEXT_CONTRAST ? '#ffffff' : '#000000';

function theme(
  color: string,
  { page, card, sunken, tint, toward }: (typeof SURFACES)[keyof typeof SURFACES],
): string {
  const on = onColor(color);
  const soft = mix(card, color, tint);
  const variables = {
    '--brand': color,
    '--brand-hover': mix(color, on === '#ffffff' ? '#000000' : '#ffffff', 0.14),
    '--on-brand': on,
    '--brand-edge': legible(color, toward, CONTROL_CONTRAST, [page, card]),
    '--brand-text': legible(color, toward, TEXT_CONTRAST, [page, card, sunken, soft]),
    '--brand-soft': soft,
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}:${value}`)
    .join(';');
}

/**
 * The stylesheet that carries the brand: custom properties for both themes, each legible on its surface
 * whatever the configured colour (WCAG 2.2, 1.4.3 and 1.4.11). A file, because the CSP allows no inline style.
 * @param color like `#2f5bea`.
 */
export function brandStylesheet(color: string): string {
  return `:root{${theme(color, SURFACES.light)}}\n@media (prefers-color-scheme:dark){:root{${theme(color, SURFACES.dark)}}}\n`;
}

/** The favicon in the brand's colour. `svg` is drawn in #000 (the tile) and #fff (the mark). */
export const brandFavicon = (svg: string, color: string): string =>
  svg.replace(/#000|#fff/g, (part) => (part === '#000' ? color : onColor(color)));
