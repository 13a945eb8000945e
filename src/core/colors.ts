/** Colours and their contrast (WCAG 2.2). */
export type Rgb = readonly [number, number, number];

/** Backgrounds of text and controls in the brand colour. Keep equal to views/assets/postern.css. */
export const SURFACES = {
  light: { page: '#f5f6f9', card: '#ffffff', sunken: '#f7f8fa', tint: 0.1, toward: '#000000' },
  dark: { page: '#0e1117', card: '#1a1f29', sunken: '#212733', tint: 0.2, toward: '#ffffff' },
} as const;

/** Minimum contrast of text (1.4.3) and of controls (1.4.11). */
export const TEXT_CONTRAST = 4.5;
export const CONTROL_CONTRAST = 3;

/** @param hex like `#2f5bea`. */
export const parseColor = (hex: string): Rgb =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;

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
