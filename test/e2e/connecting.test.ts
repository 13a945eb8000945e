import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

/** The lines without their indentation: a snippet stands further left than where it was taken from. */
const lines = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .join('\n');

const snippets = [...read('docs/connecting.md').matchAll(/^```[jt]s (\S+)\n(.*?)^```$/gms)].map(
  ([, file = '', code = '']) => ({ file, code, first: code.split('\n')[0] }),
);

it('finds snippets', () => {
  expect(snippets.length).toBeGreaterThan(5);
});

it.each(snippets)('docs/connecting.md has from $file what is there: $first', ({ file, code }) => {
  expect(lines(read(file))).toContain(lines(code));
});
