import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Settings } from '../config/index.ts';
import { StartupError } from '../core/startup-error.ts';
import de from '../../views/mail/locales/de.json' with { type: 'json' };
import en from '../../views/mail/locales/en.json' with { type: 'json' };
import es from '../../views/mail/locales/es.json' with { type: 'json' };
import zh from '../../views/mail/locales/zh.json' with { type: 'json' };

export type Language = Settings['languages'][number];
export type MailKey = keyof typeof en;
type Dictionary = Readonly<Record<string, string>>;

/** The sentences of each language. A key that one lacks does not compile. */
export const dictionaries: Readonly<Record<Language, Readonly<Record<MailKey, string>>>> = { en, de, es, zh };

const TAGS: Readonly<Record<Language, string>> = { en: 'en', de: 'de', es: 'es', zh: 'zh-Hans' };

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

/** Speaks one language. */
export interface Translator {
  /** BCP 47. */
  tag: string;
  /** A sentence as plain text. `{name}`, the service's, is always there. Throws when a placeholder has no value. */
  t(key: string, params?: Readonly<Record<string, string | number>>): string;
  has(key: string): boolean;
  /** A length of time, in its largest fitting unit. */
  duration(seconds: number): string;
  /** A time (ISO 8601) in UTC: nobody knows in which zone it is read. */
  time(at: string): string;
}

/** @param own sentences of the operator's, which go before Postern's. */
export function createTranslator(language: Language, name: string, own: Dictionary = {}): Translator {
  const words: Dictionary = { ...dictionaries[language], ...own };
  const tag = TAGS[language];
  const date = new Intl.DateTimeFormat(tag, {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'UTC',
    hourCycle: 'h23',
  });
  return {
    tag,
    has: (key) => key in words,
    t(key, params = {}) {
      const sentence = words[key];
      if (sentence === undefined) throw new Error(`no sentence ${key} in ${language}`);
      const values: Record<string, string | number> = { name, ...params };
      return sentence.replace(/\{(\w+)\}/g, (_, placeholder: string) => {
        const value = values[placeholder];
        if (value === undefined) throw new Error(`${key}: no value for {${placeholder}}`);
        return String(value);
      });
    },
    duration(seconds) {
      const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ['second', 1];
      const format = new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long' });
      return format.format(Math.max(1, Math.round(seconds / size)));
    },
    time: (at) => `${date.format(new Date(at))} UTC`,
  };
}

/** The language of `languages` that somebody who wants `locale` (BCP 47) gets: the first unless theirs is among them. */
export function languageFor(locale: string | null, languages: readonly Language[]): Language {
  const wanted = locale?.toLowerCase().split(/[-_]/)[0];
  return languages.find((language) => language === wanted) ?? languages[0] ?? 'en';
}

/** The sentences that `folder` has of its own for a language. @throws StartupError when the file is no such thing. */
export function ownSentences(folder: string, language: Language): Dictionary {
  const file = path.join(folder, 'locales', `${language}.json`);
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const wrong = Object.entries(content).find(([, value]) => typeof value !== 'string');
    if (wrong) throw new Error(`${wrong[0]} is no text`);
    return content as Dictionary;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new StartupError(`mail.templates: ${file}: ${(error as Error).message}`, { cause: error });
  }
}
