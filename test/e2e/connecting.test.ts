import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { withoutIndentation } from '../support/text.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');

const snippets = [...read('docs/connecting.md').matchAll(/^```[jt]s (\S+)\n(.*?)^```$/gms)].map(
  ([, file = '', code = '']) => ({ file, code, first: code.split('\n')[0] }),
);

it('the snippets of docs/connecting.md are found', () => {
  expect(snippets.length).toBeGreaterThan(5);
});

it.each(snippets)('docs/connecting.md quotes $file as it is: $first', ({ file, code }) => {
  expect(withoutIndentation(read(file))).toContain(withoutIndentation(code));
});
