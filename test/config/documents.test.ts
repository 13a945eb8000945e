/** What the documents for those who work on Postern name is there. */
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { INSTALLED } from '../../src/oidc/overrides/index.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

const decisions = readdirSync(path.join(ROOT, 'docs/decisions')).map((name) => `docs/decisions/${name}`);
const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs/dependencies.md',
  ...decisions,
];

it.each(documents)('%s links to files that there are', (document) => {
  for (const [, link = ''] of read(document).matchAll(/\]\((?!https?:)([^)#]+)/g))
    expect([link, existsSync(path.join(ROOT, path.dirname(document), link))]).toEqual([link, true]);
});

/** A file, and what is found in it: `src/domain/lookup.ts` `lookUp`. */
const NAMED = /`((?:src|test|views|config|docs)\/[^`<>*]+\.\w+)`(?:\s+`([\w.]+)`)?/g;

it.each(documents)('%s names files, and what is in them', (document) => {
  for (const [, file = '', name = ''] of read(document).matchAll(NAMED)) {
    expect([file, existsSync(path.join(ROOT, file))]).toEqual([file, true]);
    const last = name.split('.').at(-1) ?? '';
    expect([file, name, new RegExp(`\\b${last}\\b`).test(read(file))]).toEqual([file, name, true]);
  }
});

/** A file: of the README's folder or below, of `src`, or of the repository. */
const FILE_NAME = /`((?:[\w-]+\/)*[\w-]+\.(?:ts|ejs|css))`/g;

const readmes = globSync('{src,test,bench,demo,examples}/**/README.md', {
  cwd: ROOT,
  exclude: (name) => name.endsWith('node_modules'),
});

it.each(readmes)('%s names files that there are', (document) => {
  const folder = path.join(ROOT, path.dirname(document));
  const isThere = (file: string) =>
    ['', 'src'].some((root) => existsSync(path.join(ROOT, root, file))) ||
    globSync(`**/${file}`, { cwd: folder }).length > 0;
  const missing = [...read(document).matchAll(FILE_NAME)].map(([, file = '']) => file);
  expect(missing.filter((file) => !isThere(file))).toEqual([]);
});

it('a folder has more than its README', () => {
  const alone = readmes.filter((readme) => readdirSync(path.join(ROOT, path.dirname(readme))).length === 1);
  expect(alone).toEqual([]);
});

/** The first cell of each row of a document's tables, where that is a name. */
const rowsOf = (document: string): string[] =>
  [...read(document).matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name);

it('ARCHITECTURE.md has the import rules that are checked', () => {
  const rules = [...read('.dependency-cruiser.cjs').matchAll(/name: '([a-z-]+)'/g)].map(([, name]) => name);
  expect(rules.length).toBe(18);
  expect(rowsOf('ARCHITECTURE.md').filter((name) => /-.*-|^no-/.test(name))).toEqual(rules);
});

it('docs/decisions has what is installed in oidc-provider, in its order', () => {
  expect(rowsOf('docs/decisions/oidc-provider-overrides.md')).toEqual(INSTALLED.map(({ name }) => name));
});

it('docs/dependencies.md has every dependency, and no other', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object };
  expect(rowsOf('docs/dependencies.md')).toEqual(Object.keys(dependencies));
});
