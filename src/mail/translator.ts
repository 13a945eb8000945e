import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Language, languageInfo, languageOf } from '../core/languages.ts';
import { StartupError } from '../core/errors.ts';
import { createTranslator as translatorOf, type Values } from '../core/translator.ts';
import de from '../../views/mail/locales/de.json' with { type: 'json' };
import en from '../../views/mail/locales/en.json' with { type: 'json' };
import es from '../../views/mail/locales/es.json' with { type: 'json' };
import zh from '../../views/mail/locales/zh.json' with { type: 'json' };

export type MailKey = keyof typeof en;
type Dictionary = Readonly<Record<string, string>>;

/** The sentences of each language. A missing key is a compile error. */
export const dictionaries: Readonly<Record<Language, Readonly<Record<MailKey, string>>>> = { en, de, es, zh };

/** The sentences of one language. */
export interface Translator {
  /** BCP 47. */
  tag: string;
  /** A sentence as plain text. `{name}`, the name of the service, is always available. Throws when an argument has no value. */
  t(key: string, values?: Values): string;
  has(key: string): boolean;
  /** A duration, worded as on the pages. */
  duration(seconds: number): string;
  /** A time (ISO 8601) in UTC: the reader's time zone is unknown. */
  time(at: string): string;
}

/** @param overrides the operator's sentences, which override Postern's. */
export function createTranslator(language: Language, name: string, overrides: Dictionary = {}): Translator {
  const { tag } = languageInfo[language];
  const { has, text, duration } = translatorOf(tag, name, [overrides, dictionaries[language]]);
  let date: Intl.DateTimeFormat | undefined;
  const time = (at: string) => {
    date ??= new Intl.DateTimeFormat(tag, {
      dateStyle: 'long',
      timeStyle: 'short',
      timeZone: 'UTC',
      hourCycle: 'h23',
    });
    return `${date.format(new Date(at))} UTC`;
  };
  return { tag, has, t: text, duration, time };
}

/** Picks the language of `languages` that matches `locale` (BCP 47), or the first. */
export const languageFor = (locale: string | null, languages: readonly Language[]): Language =>
  languageOf(locale ?? '', languages) ?? languages[0] ?? 'en';

/** Reads the sentences of `folder` for a language. @throws StartupError when the file is invalid. */
export function ownSentences(folder: string, language: Language): Dictionary {
  const file = path.join(folder, 'locales', `${language}.json`);
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const wrong = Object.entries(content).find(([, value]) => typeof value !== 'string');
    if (wrong) throw new Error(`${wrong[0]} is not text`);
    const overrides = content as Dictionary;
    const { parse } = translatorOf(languageInfo[language].tag, '', [overrides]);
    for (const key of Object.keys(overrides)) parse(key);
    return overrides;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new StartupError(`mail.templates: ${file}: ${(error as Error).message}`, { cause: error });
  }
}
