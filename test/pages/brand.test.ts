import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { brandFavicon, brandStylesheet, contrast, SURFACES } from '../../src/http/pages/brand.ts';

const VIEWS = path.resolve(import.meta.dirname, '../../views');

function themes(color: string) {
  const [light = '', dark = ''] = brandStylesheet(color).split('@media');
  const read = (css: string) =>
    Object.fromEntries(
      [...css.matchAll(/(--[\w-]+):(#\w{6})/g)].map(([, name, value]) => [name, value ?? '']),
    );
  return { light: read(light), dark: read(dark) };
}

test('contrast is calculated like WCAG defines it', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.478, 3);
});

describe.each([
  '#2f5bea',
  '#ffd400',
  '#ffffff',
  '#000000',
  '#808080',
  '#e11d48',
  '#00ff00',
  '#0000ff',
  '#767676',
])('the brand colour %s', (color) => {
  test.each(['light', 'dark'] as const)('is legible in the %s theme', (theme) => {
    const colors = themes(color)[theme];
    const { page, card, sunken } = SURFACES[theme];
    expect(colors['--brand']).toBe(color);
    expect(contrast(colors['--on-brand'] ?? '', color)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(colors['--on-brand'] ?? '', colors['--brand-hover'] ?? '')).toBeGreaterThanOrEqual(4.5);
    for (const surface of [page, card, sunken, colors['--brand-soft'] ?? '']) {
      expect(contrast(colors['--brand-text'] ?? '', surface)).toBeGreaterThanOrEqual(4.5);
    }
    for (const surface of [page, card])
      expect(contrast(colors['--brand-edge'] ?? '', surface)).toBeGreaterThanOrEqual(3);
  });
});

test('the surface colours are the same in the stylesheet and the browser frame', () => {
  const css = readFileSync(path.join(VIEWS, 'assets/postern.css'), 'utf8');
  const [light = '', dark = ''] = css.split('@media (prefers-color-scheme: dark)');
  const layout = readFileSync(path.join(VIEWS, 'partials/layout.ejs'), 'utf8');
  for (const [rules, { page, card, sunken }] of [
    [light, SURFACES.light],
    [dark, SURFACES.dark],
  ] as const) {
    expect(rules).toContain(`--page: ${page};`);
    expect(rules).toContain(`--card: ${card};`);
    expect(rules).toContain(`--sunken: ${sunken};`);
    expect(layout).toContain(`content="${page}"`);
  }
});

test('the dark theme is the same whether the system or the person chose it', () => {
  const css = readFileSync(path.join(VIEWS, 'assets/postern.css'), 'utf8');
  const [system, chosen] = [':root:not([data-theme])', "[data-theme='dark']"].map((selector) => {
    const [, rules = ''] = css.split(`${selector} {`);
    return [...(rules.split('}')[0] ?? '').matchAll(/--[\w-]+: [^;]+/g)].map(String);
  });
  expect(chosen).toEqual(system);
  expect(chosen?.length).toBeGreaterThan(10);
});

test('the favicon has the brand colour, with a visible mark', () => {
  const svg = readFileSync(path.join(VIEWS, 'assets/favicon.svg'), 'utf8');
  expect(brandFavicon(svg, '#ffd400')).toContain('fill="#ffd400"');
  expect(brandFavicon(svg, '#ffd400')).toContain('stroke="#000000"');
  expect(brandFavicon(svg, '#2f5bea')).toContain('stroke="#ffffff"');
});
