import { expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { withoutIndentation } from '../support/text.ts';
import { connectingPages, quotesOf } from './support/pages.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

const resourceServers = readFileSync(path.join(ROOT, 'docs/resource-servers.md'), 'utf8');
const webhooks = readFileSync(path.join(ROOT, 'docs/webhooks.md'), 'utf8');
const pages = [
  ...connectingPages.map(({ name, text, quotes }) => ({ page: `docs/connecting/${name}.md`, text, quotes })),
  { page: 'docs/resource-servers.md', text: resourceServers, quotes: quotesOf(resourceServers) },
  { page: 'docs/webhooks.md', text: webhooks, quotes: quotesOf(webhooks) },
];
const quotes = pages.flatMap(({ page, quotes }) => quotes.map((quote) => ({ page, ...quote })));

it('the pages of docs/connecting and their quotes are found', () => {
  expect(connectingPages.length).toBeGreaterThan(22);
  expect(quotes.length).toBeGreaterThan(7);
});

it.each(quotes)('$page quotes $file as it is', ({ file, code }) => {
  expect(withoutIndentation(readFileSync(path.join(ROOT, file), 'utf8'))).toContain(withoutIndentation(code));
});

it.each(pages)('$page links to existing pages', ({ page, text }) => {
  for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g))
    expect([link, existsSync(path.join(ROOT, path.dirname(page), link))]).toEqual([link, true]);
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
