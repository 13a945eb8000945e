import { expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const TESTS = path.resolve(import.meta.dirname, '..');
const document = readFileSync(path.join(TESTS, '../docs/security.md'), 'utf8');
const read = (name: string): string => {
  const file = path.join(TESTS, `${name}.test.ts`);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

/** `file`: words of a title, as docs/security.md names tests. */
const references = [...document.matchAll(/`([a-z0-9-]+\/[a-z0-9/-]+)`: ([^|<\n]+)/g)].map(
  ([, file = '', title = '']): [string, string] => [file, title.trim()],
);

it('docs/security.md names tests', () => {
  expect(references.length).toBeGreaterThan(50);
});

it.each(references)('docs/security.md names an existing test: %s: %s', (file, title) => {
  expect(read(file).replaceAll("\\'", "'")).toContain(title);
});

it.each(['oidc/rfc9700', 'oidc/asvs-v10'])(
  'docs/security.md has every section in the titles of %s',
  (file) => {
    const sections = [...read(file).matchAll(/['`](\d+(?:\.\d+)+) /g)].map(([, number]) => number);
    expect(sections.length).toBeGreaterThan(3);
    for (const number of sections) expect(document).toMatch(new RegExp(`^\\| ${number} `, 'm'));
  },
);

it('docs/security.md has every section of RFC 9700 with recommendations, and every requirement of V10', () => {
  const numbers = [...document.matchAll(/^\| (\d[\d.]*) /gm)].map(([, number]) => number);
  const inFull = (prefix: string, last: number) =>
    Array.from({ length: last }, (_, index) => `${prefix}${index + 1}`);
  for (const section of [...inFull('2.', 6), ...inFull('4.', 17)])
    expect(numbers.some((number) => number === section || number?.startsWith(`${section}.`))).toBe(true);
  const requirements = { 1: 2, 2: 3, 3: 5, 4: 16, 5: 5, 6: 2, 7: 3 };
  for (const [part, last] of Object.entries(requirements))
    expect(numbers).toEqual(expect.arrayContaining(inFull(`10.${part}.`, last)));
});
