import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { withoutIndentation } from '../support/text.ts';
import { connectingPages } from './support/pages.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

const quotes = connectingPages.flatMap(({ name, quotes }) => quotes.map((quote) => ({ name, ...quote })));

it('finds the pages and what they quote', () => {
  expect(connectingPages.length).toBeGreaterThan(22);
  expect(quotes.length).toBeGreaterThan(7);
});

it.each(quotes)('docs/connecting/$name.md has from $file what is there', ({ file, code }) => {
  expect(withoutIndentation(readFileSync(path.join(ROOT, file), 'utf8'))).toContain(withoutIndentation(code));
});

it.each(connectingPages)(
  'docs/connecting/$name.md begins with how the client is registered',
  ({ command }) => {
    expect(command.slice(0, 2)).toEqual(['client', 'create']);
    expect(command).toContain('--redirect-uri');
  },
);

it.each(connectingPages)('docs/connecting/README.md lists $name', ({ name }) => {
  expect(readFileSync(path.join(ROOT, 'docs/connecting/README.md'), 'utf8')).toContain(`](${name}.md)`);
});
