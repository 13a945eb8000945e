import type { Context } from 'koa';
import type { Settings } from '../../config/index.ts';
import de from '../../../views/locales/de.json' with { type: 'json' };
import en from '../../../views/locales/en.json' with { type: 'json' };
import es from '../../../views/locales/es.json' with { type: 'json' };
import zh from '../../../views/locales/zh.json' with { type: 'json' };
import { escapeHtml, Html } from './html.ts';

export type Language = Settings['languages'][number];
export type MessageKey = keyof typeof en;

/** A length of time inside a sentence, shown in its largest fitting unit. */
interface Duration {
  seconds: number;
}
type Params = Readonly<Record<string, string | number | Html | Duration>>;

/** A sentence by its key, with what goes into its `{placeholders}`. `{name}`, the service's, is always there. */
export type Message = MessageKey | { key: MessageKey; params: Params };

/** The sentences of each language. A key that one lacks does not compile. */
export const dictionaries: Readonly<Record<Language, Readonly<Record<MessageKey, string>>>> = {
  en,
  de,
  es,
  zh,
};

/** How each language calls itself, its BCP 47 tag, and which way it is written. */
export const languageInfo = {
  en: { tag: 'en', label: 'English', dir: 'ltr' },
  de: { tag: 'de', label: 'Deutsch', dir: 'ltr' },
  es: { tag: 'es', label: 'Español', dir: 'ltr' },
  zh: { tag: 'zh-Hans', label: '简体中文', dir: 'ltr' },
} as const satisfies Record<Language, { tag: string; label: string; dir: 'ltr' | 'rtl' }>;

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const;

/** Speaks one language. */
export interface Translator {
  readonly language: Language;
  /** The sentence as plain text. Throws when a placeholder has no value: a defect of the caller. */
  t: (message: Message, params?: Params) => string;
  /** A date (YYYY-MM-DD) with its weekday. */
  day: (date: string) => string;
  /** A moment, in universal time: a script shows it in the reader's own. */
  when: (at: Date) => string;
  /** The same as markup: the sentence and every value that is not `Html` are escaped. */
  rich: (message: Message, params?: Params) => Html;
}

/** @param name the service's name, the value of `{name}` in every sentence. */
export function createTranslator(language: Language, name: string): Translator {
  const { tag } = languageInfo[language];
  const words = dictionaries[language];

  function duration(seconds: number): string {
    const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ['second', 1];
    const count = Math.max(1, Math.ceil(seconds / size));
    return new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
  }

  function compose(message: Message, params: Params, text: (part: string) => string): string {
    const key = typeof message === 'string' ? message : message.key;
    const values: Params = { name, ...(typeof message === 'string' ? {} : message.params), ...params };
    return words[key]
      .split(/\{(\w+)\}/)
      .map((part, index) => {
        if (index % 2 === 0) return text(part);
        const value = values[part];
        if (value === undefined) throw new Error(`${key}: no value for {${part}}`);
        if (value instanceof Html) return value.toString();
        return text(typeof value === 'object' ? duration(value.seconds) : String(value));
      })
      .join('');
  }

  const moments = new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
  const dates = new Intl.DateTimeFormat(tag, { dateStyle: 'full', timeZone: 'UTC' });
  return {
    language,
    day: (date) => dates.format(new Date(date)),
    when: (at) => `${moments.format(at)} UTC`,
    t: (message, params = {}) => compose(message, params, String),
    rich: (message, params = {}) => new Html(compose(message, params, escapeHtml)),
  };
}

const first = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : value) ?? '';

/**
 * The language of a page: what the person chose (`?lang=`, which `remember` is called with, or the cookie
 * `lang`), then `ui_locales` (OpenID Connect Core section 3.1.2.1), then Accept-Language, then the first
 * configured one.
 * @param uiLocales BCP 47 tags, parted by spaces, most wanted first.
 */
export function chooseLanguage(
  ctx: Context,
  languages: readonly Language[],
  uiLocales: string | undefined,
  remember: (language: Language) => void,
): Language {
  const supported = (tag: string): Language | undefined =>
    languages.find((language) => language === tag.toLowerCase().split(/[-_]/)[0]);

  const picked = supported(first(ctx.query['lang']));
  if (picked) {
    remember(picked);
    return picked;
  }
  const wanted = [ctx.cookies.get('lang', { signed: false }) ?? '', ...(uiLocales ?? '').split(/\s+/)];
  for (const tag of wanted) {
    const language = supported(tag);
    if (language) return language;
  }
  const accepted = ctx.acceptsLanguages([...languages]);
  return (accepted === false ? undefined : supported(accepted)) ?? languages[0] ?? 'en';
}
