/** The documents for contributors name only what exists. */
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

it.each(documents)('%s links to existing files', (document) => {
  for (const [, link = ''] of read(document).matchAll(/\]\((?!https?:)([^)#]+)/g))
    expect([link, existsSync(path.join(ROOT, path.dirname(document), link))]).toEqual([link, true]);
});

/** A file and a name in it: `src/domain/lookup.ts` `lookUp`. */
const NAMED = /`((?:src|test|views|config|docs)\/[^`<>*]+\.\w+)`(?:\s+`([\w.]+)`)?/g;

it.each(documents)('%s names existing files and names in them', (document) => {
  for (const [, file = '', name = ''] of read(document).matchAll(NAMED)) {
    expect([file, existsSync(path.join(ROOT, file))]).toEqual([file, true]);
    const last = name.split('.').at(-1) ?? '';
    expect([file, name, new RegExp(`\\b${last}\\b`).test(read(file))]).toEqual([file, name, true]);
  }
});

/** A file in the README's folder or below, in `src`, or in the repository. */
const FILE_NAME = /`((?:[\w-]+\/)*[\w-]+\.(?:ts|ejs|css))`/g;

const readmes = globSync('{src,test,bench,demo,examples}/**/README.md', {
  cwd: ROOT,
  exclude: (name) => name.endsWith('node_modules'),
});

it.each(readmes)('%s names existing files', (document) => {
  const folder = path.join(ROOT, path.dirname(document));
  const isThere = (file: string) =>
    ['', 'src'].some((root) => existsSync(path.join(ROOT, root, file))) ||
    globSync(`**/${file}`, { cwd: folder }).length > 0;
  const missing = [...read(document).matchAll(FILE_NAME)].map(([, file = '']) => file);
  expect(missing.filter((file) => !isThere(file))).toEqual([]);
});

it('no folder has only a README', () => {
  const alone = readmes.filter((readme) => readdirSync(path.join(ROOT, path.dirname(readme))).length === 1);
  expect(alone).toEqual([]);
});

/** The code in the first cell of each table row. */
const rowsOf = (document: string): string[] =>
  [...read(document).matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name);

it('ARCHITECTURE.md lists the import rules that lint checks', () => {
  const rules = [...read('.dependency-cruiser.cjs').matchAll(/name: '([a-z-]+)'/g)].map(([, name]) => name);
  expect(rules.length).toBe(18);
  expect(rowsOf('ARCHITECTURE.md').filter((name) => /-.*-|^no-/.test(name))).toEqual(rules);
});

it('docs/decisions lists the installed overrides of oidc-provider in order', () => {
  expect(rowsOf('docs/decisions/oidc-provider-overrides.md')).toEqual(INSTALLED.map(({ name }) => name));
});

it('docs/dependencies.md lists every dependency, and no other', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object };
  expect(rowsOf('docs/dependencies.md')).toEqual(Object.keys(dependencies));
});
