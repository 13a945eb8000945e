import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { environmentSchema } from '../../src/config/schema.ts';
import { SETTING_KEYS } from '../../src/config/provenance.ts';
import { mailTemplates, textsOf } from '../../src/mail/texts.ts';
import { consoleSentences } from '../../src/http/pages/console-sentences.ts';
import { addSentences, createTranslator, dictionaries, type MessageKey } from '../../src/http/pages/i18n.ts';
import { fieldLabels } from '../../src/http/pages/problems.ts';
import { EVENTS } from '../../src/storage/event-catalogue.ts';
import { strong } from '../../src/http/pages/templates.ts';
import { type Language, languageInfo } from '../../src/core/languages.ts';
import { argumentsOf, missingForms } from '../support/sentences.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
addSentences(consoleSentences);
const { en, ...others } = dictionaries;
const keys = Object.keys(en) as MessageKey[];

/** The text of all files of a type in a folder. Mail has its own sentences. */
function sources(folder: string, kind: string, recursive = true): string {
  return readdirSync(path.join(ROOT, folder), { recursive, encoding: 'utf8' })
    .filter((name) => name.endsWith(kind))
    .map((name) => readFileSync(path.join(ROOT, folder, name), 'utf8'))
    .join('\n');
}
const templates = ['views/partials', 'views/account', 'views/console'].reduce(
  (text, folder) => text + sources(folder, '.ejs'),
  sources('views', '.ejs', false),
);
const code = ['src/http/pages', 'src/http/console', 'src/container/doctor', 'src/cli/doctor']
  .map((folder) => sources(folder, '.ts'))
  .join('\n');

/** Sentences derived from the names of settings and of mail texts. */
const derived = [
  ...[...SETTING_KEYS, ...Object.keys(environmentSchema.shape)].map((key) => `console.setting.${key}`),
  ...new Set(mailTemplates.flatMap(textsOf).map(([name]) => `console.mail.text.${name}`)),
];

describe.each(Object.entries(dictionaries))('the locale %s', (language, dictionary) => {
  test('has the plural forms of its language', () => {
    const { tag } = languageInfo[language as Language];
    expect(keys.filter((key) => missingForms(dictionary[key], tag).length > 0)).toEqual([]);
  });
});

describe.each(Object.entries(others))('the locale %s', (_language, dictionary) => {
  test('has every sentence and no other', () => {
    expect(Object.keys(dictionary)).toEqual(keys);
  });

  test('has the same placeholders', () => {
    for (const key of keys)
      expect([key, argumentsOf(dictionary[key]).toSorted()]).toEqual([key, argumentsOf(en[key]).toSorted()]);
  });

  test('is translated', () => {
    // The same in two languages.
    const alike = new Set<string>([
      'page.errorTitle',
      'field.optional',
      'field.code',
      'field.factorName',
      'factors.passkeys',
      // The operator's own text, and "No" in Spanish.
      'field.own',
      'field.no',
      'console.settings.off',
      'console.users.factorPasskey',
      'console.users.person',
      'console.person.id',
      'console.groups.name',
      'console.client.allowedRoles',
      'console.roles.name',
      'console.users.roles',
      'console.health.problem',
      'console.nav.apps',
      'console.nav.clients',
      'console.nav.apis',
      'console.nav.webhooks',
      'console.client.name',
      'console.groups.name',
      'console.roles.name',
      'console.person.id',
      'console.users.factorPasskey',
      'console.users.person',
      'console.users.roles',
    ]);
    expect(keys.filter((key) => dictionary[key] === en[key] && !alike.has(key))).toEqual([]);
    expect(keys.filter((key) => dictionary[key].trim() === '')).toEqual([]);
  });
});

test('every sentence is used', () => {
  const used = `${templates}\n${code}`;
  // Labels of the profile are derived from its fields.
  const labels = new Set<string>(Object.values(fieldLabels));
  // Sentences of the audit are derived from its types.
  const types = new Set(Object.keys(EVENTS).map((type) => `console.did.${type}`));
  const isUsed = (key: string) =>
    used.includes(`'${key}'`) || labels.has(key) || types.has(key) || derived.includes(key);
  expect(keys.filter((key) => !isUsed(key))).toEqual([]);
});

test('every setting and every text of mail has a sentence', () => {
  expect(derived.filter((key) => !Object.hasOwn(en, key))).toEqual([]);
});

test('templates use existing sentences only', () => {
  const named = [...templates.matchAll(/\b(?:t|rich)\('([^']+)'/g)].map(([, key]) => key);
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((key) => !keys.includes(key as MessageKey))).toEqual([]);
});

test('templates output nothing unescaped', () => {
  expect(templates).not.toContain('<%-');
});

describe('a translator', () => {
  const translator = createTranslator('en', 'Postern');

  test('fills in values and the name of the service', () => {
    expect(translator.t('consent.title', { client: 'Reports' })).toBe(
      'Reports wants to use your Postern account',
    );
  });

  test('escapes everything in markup but the markup itself', () => {
    const hostile = '<b>&"\'';
    expect(String(translator.rich('signIn.toClient', { client: hostile }))).toBe(
      'to continue to &lt;b&gt;&amp;&quot;&#39;',
    );
    expect(String(translator.rich('signIn.toClient', { client: strong(hostile) }))).toBe(
      'to continue to <strong><bdi>&lt;b&gt;&amp;&quot;&#39;</bdi></strong>',
    );
  });

  test('does not expand placeholders in values', () => {
    expect(translator.t('signIn.toClient', { client: '{name}' })).toBe('to continue to {name}');
  });

  test.each([
    ['en', 0, 'No apps have access'],
    ['en', 1, 'One app has access'],
    ['en', 2, '2 apps have access'],
    ['de', 1, 'Eine App hat Zugriff'],
    ['es', 1, 'Una aplicación tiene acceso'],
    ['zh', 1, '1 个应用有访问权限'],
    ['en', 1234, '1,234 apps have access'],
  ] as const)('forms the plural in %s: %i', (language, count, words) => {
    expect(createTranslator(language, '').t('account.appCount', { count })).toBe(words);
  });

  test('refuses a sentence with a missing value', () => {
    expect(() => translator.t('signIn.toClient')).toThrow('signIn.toClient: no value for {client}');
  });

  test.each([
    ['en', 1, '1 second'],
    ['en', 90, '2 minutes'],
    ['de', 3600, '1 Stunde'],
    ['es', 2_592_000, '30 días'],
    ['zh', 86_400, '1天'],
    ['en', 4000, '1 hour, 7 minutes'],
    ['de', 86_401, '1 Tag, 1 Stunde'],
  ] as const)('words a duration in %s: %i seconds', (language, seconds, words) => {
    expect(createTranslator(language, '').t('problem.locked', { wait: { seconds } })).toContain(words);
  });
});
