import {
  contrast,
  CONTROL_CONTRAST,
  parseColor,
  type Rgb,
  SURFACES,
  TEXT_CONTRAST,
} from '../../core/colors.ts';

export { contrast, parseColor, type Rgb, SURFACES } from '../../core/colors.ts';

const print = (rgb: Rgb): string =>
  `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;

/** Mixes `share` (0 to 1) of `other` into `color`. */
function mix(color: string, other: string, share: number): string {
  const [a, b] = [parseColor(color), parseColor(other)];
  return print(a.map((part, index) => part + ((b[index] ?? 0) - part) * share) as unknown as Rgb);
}

/** `color`, mixed toward black or white only as far as needed to reach `ratio` on each of `surfaces`. */
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
 * The stylesheet of the brand: custom properties for both themes (the system's choice, or `data-theme`), each legible on its
 * surface whatever the configured colour (WCAG 2.2, 1.4.3 and 1.4.11). A file, because the CSP allows no inline style.
 * @param color like `#2f5bea`. @param dark the same on dark surfaces
 */
export function brandStylesheet(color: string, dark = color): string {
  const themes = { light: theme(color, SURFACES.light), dark: theme(dark, SURFACES.dark) };
  return `:root,[data-theme='light']{${themes.light}}
@media (prefers-color-scheme:dark){:root:not([data-theme]){${themes.dark}}}
[data-theme='dark']{${themes.dark}}
`;
}

/** The favicon in the brand's colour. `svg` is drawn in #000 (the tile) and #fff (the mark). */
export const brandFavicon = (svg: string, color: string): string =>
  svg.replace(/#000|#fff/g, (part) => (part === '#000' ? color : onColor(color)));
