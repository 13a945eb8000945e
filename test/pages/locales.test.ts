import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createTranslator, dictionaries, type MessageKey } from '../../src/http/pages/i18n.ts';
import { strong } from '../../src/http/pages/html.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const { en, ...others } = dictionaries;
const keys = Object.keys(en) as MessageKey[];
const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).toSorted();

/** The text of every file of a kind in a folder; those of mail have sentences of their own. */
function sources(folder: string, kind: string, recursive = true): string {
  return readdirSync(path.join(ROOT, folder), { recursive, encoding: 'utf8' })
    .filter((name) => name.endsWith(kind))
    .map((name) => readFileSync(path.join(ROOT, folder, name), 'utf8'))
    .join('\n');
}
const templates = ['views/partials', 'views/account'].reduce(
  (text, folder) => text + sources(folder, '.ejs'),
  sources('views', '.ejs', false),
);
const code = sources('src/http/pages', '.ts');

describe.each(Object.entries(others))('%s', (_language, dictionary) => {
  test('has every sentence and no other', () => {
    expect(Object.keys(dictionary)).toEqual(keys);
  });

  test('takes the same values', () => {
    for (const key of keys)
      expect([key, placeholders(dictionary[key])]).toEqual([key, placeholders(en[key])]);
  });

  test('is translated', () => {
    // The same in two languages by nature.
    const alike = new Set<string>([
      'page.errorTitle',
      'field.optional',
      'field.code',
      'field.factorName',
      'factors.passkeys',
    ]);
    expect(keys.filter((key) => dictionary[key] === en[key] && !alike.has(key))).toEqual([]);
    expect(keys.filter((key) => dictionary[key].trim() === '')).toEqual([]);
  });
});

test('every sentence is used', () => {
  const used = `${templates}\n${code}`;
  expect(keys.filter((key) => !used.includes(`'${key}'`))).toEqual([]);
});

test('templates name only sentences that exist', () => {
  const named = [...templates.matchAll(/\b(?:t|rich)\('([^']+)'/g)].map(([, key]) => key);
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((key) => !keys.includes(key as MessageKey))).toEqual([]);
});

test('templates put nothing out unescaped', () => {
  expect(templates).not.toContain('<%-');
});

describe('a translator', () => {
  const translator = createTranslator('en', 'Postern');

  test('fills in values and the name of the service', () => {
    expect(translator.t('consent.title', { client: 'Reports' })).toBe(
      'Reports wants to use your Postern account',
    );
  });

  test('escapes everything in markup but what is markup', () => {
    const hostile = '<b>&"\'';
    expect(String(translator.rich('signIn.toClient', { client: hostile }))).toBe(
      'to continue to &lt;b&gt;&amp;&quot;&#39;',
    );
    expect(String(translator.rich('signIn.toClient', { client: strong(hostile) }))).toBe(
      'to continue to <strong><bdi>&lt;b&gt;&amp;&quot;&#39;</bdi></strong>',
    );
  });

  test('does not read placeholders out of values', () => {
    expect(translator.t('signIn.toClient', { client: '{name}' })).toBe('to continue to {name}');
  });

  test('refuses a sentence whose value is missing', () => {
    expect(() => translator.t('signIn.toClient')).toThrow('signIn.toClient: no value for {client}');
  });

  test.each([
    ['en', 1, '1 second'],
    ['en', 90, '2 minutes'],
    ['de', 3600, '1 Stunde'],
    ['es', 2_592_000, '30 días'],
    ['zh', 86_400, '1天'],
  ] as const)('says how long in %s: %i seconds', (language, seconds, words) => {
    expect(createTranslator(language, '').t('problem.locked', { wait: { seconds } })).toContain(words);
  });
});
