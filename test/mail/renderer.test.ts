import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { StartupError } from '../../src/core/errors.ts';
import { messageKinds } from '../../src/mail/messages.ts';
import { createMessageRenderer } from '../../src/mail/renderer.ts';
import { dictionaries } from '../../src/mail/translator.ts';
import { languageInfo } from '../../src/core/languages.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { argumentsOf, missingForms } from '../support/sentences.ts';
import { settings } from './settings.ts';
import { sampleOf, samples } from '../../src/mail/samples.ts';

const render = createMessageRenderer(settings);
const languages = ['en', 'de', 'es', 'zh'] as const;

describe.each(languages)('mail in %s:', (language) => {
  test.each(samples(language))('$kind is complete', (message) => {
    const { subject, html, text, language: tag } = render(message);
    expect(tag.startsWith(language)).toBe(true);
    const { kind } = message;
    const shown = kind === 'test-letter' ? (message.sample ?? kind) : kind;
    // A test message in the form of another kind differs only in its subject.
    expect(subject.endsWith(dictionaries[language][`${shown}.subject`])).toBe(true);
    expect(subject === dictionaries[language][`${shown}.subject`]).toBe(shown === kind);
    for (const part of [html, text]) {
      expect(part).not.toMatch(/\{\w+\}|undefined|null|\[object/);
      expect(part).toContain('Zoë');
      expect(part).toContain('Postern');
    }
    expect(html).toContain(`<html lang="${tag}">`);
    // The message loads nothing, and opening it notifies nobody.
    expect(html).not.toMatch(/<img|<script|<link|url\(|@import|src=/i);
    for (const [, url] of html.matchAll(/href="([^"]*)"/g))
      expect(url).toMatch(/^https:\/\/login\.example\.com\//);
    for (const [url] of text.matchAll(/https?:\S*/g)) expect(url).toMatch(/^https:\/\/login\.example\.com/);
    expect(text).toMatch(/https:\/\/login\.example\.com\//);
    expect(text).not.toContain('<');
    expect(text).not.toMatch(/\n{3}/);
  });
});

test('the mail of every language has every sentence, with the same placeholders, and every sentence is used', () => {
  for (const language of languages) {
    expect(Object.keys(dictionaries[language]).sort()).toEqual(Object.keys(dictionaries.en).sort());
    for (const [key, sentence] of Object.entries(dictionaries.en)) {
      const translated = dictionaries[language][key as keyof typeof dictionaries.en];
      expect([key, argumentsOf(translated).sort()]).toEqual([key, argumentsOf(sentence).sort()]);
      expect([key, missingForms(translated, languageInfo[language].tag)]).toEqual([key, []]);
      expect(translated.trim()).toBe(translated);
    }
  }
  const nobody = { ...sampleOf('password-changed'), person: null };
  const all = [...samples('en'), nobody].map((message) => {
    const { subject, html, text } = render(message);
    return `${subject}\n${html}\n${text}`;
  });
  const written = all.join('\n').replaceAll('&#39;', "'");
  for (const sentence of Object.values(dictionaries.en)) {
    const longest = sentence.split(/\{\w+\}/).sort((a, b) => b.length - a.length)[0]!;
    expect(written).toContain(longest.trim());
  }
});

test('the token is in the link of both parts', () => {
  for (const [kind, where] of [
    ['verify-email', '/verify-email'],
    ['password-reset', '/reset-password'],
    ['sign-in-link', '/sign-in-link'],
  ] as const) {
    const { html, text } = render(sampleOf(kind));
    const link = `https://login.example.com${where}?token=S4mpleT0kenS4mpleT0ken_-`;
    expect(text.split('\n')).toContain(link);
    expect(html).toContain(`href="${link}"`);
  }
  expect(render(sampleOf('password-reset')).text).toContain('15 minutes');
  expect(render(sampleOf('verify-email', 'de')).text).toContain('1 Tag');
  // As on a page, and never less than the real lifetime.
  const link = { token: 'S4mple', lasts: 4000, expiresAt: '2026-11-21T02:43:00.000Z' };
  expect(render({ ...sampleOf('verify-email'), kind: 'verify-email', link }).text).toContain(
    '1 hour, 7 minutes',
  );
});

test('names that people choose for themselves and their devices are shown as text', () => {
  const hostile = `"><img src=x onerror=alert(1)>&<%= process.env %>{name}$&`;
  const { html, text } = render({
    ...sampleOf('factor-added'),
    kind: 'factor-added',
    person: hostile,
    factor: { kind: 'passkey', name: hostile },
    circumstances: { at: '2026-11-21T02:43:00.000Z', ip: null, browser: hostile, system: null },
  });
  expect(html).not.toContain('<img');
  expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;&amp;&lt;%= process.env %&gt;{name}$&amp;');
  expect(text).toContain(hostile);
});

test('unknown circumstances are left out of a message', () => {
  const circumstances = { at: '2026-11-21T02:43:00.000Z', ip: null, browser: null, system: null };
  const { text } = render({ ...sampleOf('password-changed'), kind: 'password-changed', circumstances });
  expect(text).toContain('November 21, 2026 at 02:43 UTC');
  expect(text).not.toMatch(/Device:|IP address/);
  expect(render({ ...sampleOf('password-changed'), person: null }).text).toMatch(/^Hello,\n/);
});

test.each([
  ['de-AT', 'de'],
  ['zh-Hant-TW', 'zh'],
  ['ZH_cn', 'zh'],
  ['fr', 'en'],
  [null, 'en'],
])('the locale %s gets mail in %s', (locale, expected) => {
  const { subject } = render(sampleOf('new-device', locale));
  expect(subject).toBe(dictionaries[expected as 'en']['new-device.subject']);
});

test('a language that is not offered is not used for mail, and the first offered one is the default', () => {
  const german = createMessageRenderer({ ...settings, languages: ['de', 'en'] });
  expect(german(sampleOf('new-device', 'es')).subject).toBe(dictionaries.de['new-device.subject']);
});

describe('mail templates of an operator', () => {
  const folderOf = async (files: Record<string, string>) => {
    const folder = await temporaryFolder();
    for (const [name, content] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), content);
    }
    return folder;
  };
  const rendererOf = (templates: string) =>
    createMessageRenderer({ ...settings, mail: { from: null, templates } });

  test('replace a message, a partial or a sentence, and nothing else', async () => {
    const own = rendererOf(
      await folderOf({
        'new-device.text.ejs': 'Seen: <%= facts[0].value %> <%= t("own", { person: message.person }) %>',
        'partials/button.html.ejs': '<a class="own" href="<%= args.href %>"><%= args.label %></a>',
        'locales/en.json': JSON.stringify({ 'own': 'Hi {person}!', 'new-device.subject': 'Somebody new' }),
        ...Object.fromEntries(
          ['de', 'es', 'zh'].map((language) => [`locales/${language}.json`, '{"own": "{person}"}']),
        ),
      }),
    );
    const message = own(sampleOf('new-device'));
    expect(message.subject).toBe('Somebody new');
    expect(message.text).toContain('Seen: November 21, 2026 at 02:43 UTC Hi Zoë!');
    expect(message.html).toContain('<a class="own"');
    expect(own(sampleOf('new-device', 'de')).subject).toBe(dictionaries.de['new-device.subject']);
    for (const kind of messageKinds) expect(own(sampleOf(kind)).html).toContain('Hello Zoë');
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['an invalid template', { 'layout.html.ejs': '<% if ( { %>' }, /layout\.html\.ejs/],
    ['an invalid sentence file', { 'locales/de.json': '{' }, /locales.de\.json/],
    [
      'a sentence that one language lacks',
      { 'new-device.text.ejs': '<%= t("own") %>' },
      /new-device in en: .*own/s,
    ],
    ['an unknown name', { 'layout.text.ejs': '<%= nothing %>' }, /nothing is not defined/],
    ['an invalid sentence', { 'locales/de.json': '{"greeting": 1}' }, /greeting is not text/],
    ['an invalid placeholder', { 'locales/de.json': '{"greeting": "{person"}' }, /de\.json: greeting: /],
  ])('are refused at start because of %s', async (_, files, message) => {
    const folder = await folderOf(files);
    expect(() => rendererOf(folder)).toThrow(StartupError);
    expect(() => rendererOf(folder)).toThrow(message);
  });

  test('are refused at start if their folder is missing', () => {
    expect(() => rendererOf('/nowhere/at/all')).toThrow(/mail\.templates: there is no folder/);
  });
});

test.each([
  ['#000000', '#ffffff'],
  ['#2f5bea', '#ffffff'],
  ['#ffe14d', '#000000'],
  ['#ffffff', '#000000'],
])('on %s the text of the button is %s', (color, expected) => {
  const branded = createMessageRenderer({ ...settings, brand: { color, logo: null } });
  expect(branded(sampleOf('password-reset')).html).toContain(`color:${expected};text-decoration:none`);
});
