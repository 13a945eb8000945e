import type { Context } from 'koa';
import { type Language, LANGUAGES, languageInfo, languageOf } from '../../core/languages.ts';
import { createTranslator as translatorOf, type Duration } from '../../core/translator.ts';
import de from '../../../views/locales/de.json' with { type: 'json' };
import en from '../../../views/locales/en.json' with { type: 'json' };
import es from '../../../views/locales/es.json' with { type: 'json' };
import zh from '../../../views/locales/zh.json' with { type: 'json' };
import type { ConsoleKey } from './console-sentences.ts';
import { escapeHtml, Html } from './templates.ts';

export type MessageKey = keyof typeof en | ConsoleKey;

type Params = Readonly<Record<string, string | number | Html | Duration>>;

/** A sentence by its key, with values for its `{arguments}`. `{name}`, the service's name, is always set. */
export type Message = MessageKey | { key: MessageKey; params: Params };

/** The sentences of the pages for people. A missing key does not compile. */
const ofPages: Record<Language, Record<keyof typeof en, string>> = {
  en: { ...en },
  de: { ...de },
  es: { ...es },
  zh: { ...zh },
};

/** The sentences of each language. Those of the console are in it once `addSentences` was called. */
export const dictionaries = ofPages as Readonly<Record<Language, Readonly<Record<MessageKey, string>>>>;

/** Adds the sentences of the console, which is loaded with its first request, for all translators. */
export function addSentences(more: Readonly<Record<Language, Readonly<Record<ConsoleKey, string>>>>): void {
  for (const language of LANGUAGES) Object.assign(dictionaries[language], more[language]);
}

/** The sentences of one language. */
export interface Translator {
  readonly language: Language;
  /** The sentence as plain text. Throws when an argument has no value, which is a bug of the caller. */
  t: (message: Message, params?: Params) => string;
  /** A date (YYYY-MM-DD) with its weekday. */
  day: (date: string) => string;
  /** A time in UTC. A script converts it to the reader's time zone. */
  when: (at: Date) => string;
  /** The sentence as markup: it and every value that is not `Html` are escaped. */
  rich: (message: Message, params?: Params) => Html;
}

/** @param name the service's name, the value of `{name}` in every sentence. */
/** @param overrides sentences that override Postern's. */
export function createTranslator(
  language: Language,
  name: string,
  overrides: Partial<Record<MessageKey, string>> = {},
): Translator {
  const { tag } = languageInfo[language];
  const sentences = translatorOf(tag, name, [overrides, dictionaries[language]]);

  const pieces = (message: Message, params: Params): unknown[] =>
    typeof message === 'string'
      ? sentences.pieces(message, params)
      : sentences.pieces(message.key, { ...message.params, ...params });

  let moments: Intl.DateTimeFormat | undefined;
  let dates: Intl.DateTimeFormat | undefined;
  return {
    language,
    day(date) {
      dates ??= new Intl.DateTimeFormat(tag, { dateStyle: 'full', timeZone: 'UTC' });
      return dates.format(new Date(date));
    },
    when(at) {
      moments ??= new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
      return `${moments.format(at)} UTC`;
    },
    t: (message, params = {}) => pieces(message, params).join(''),
    rich: (message, params = {}) =>
      new Html(
        pieces(message, params)
          .map((piece) => escapeHtml(piece instanceof Html ? piece : String(piece)))
          .join(''),
      ),
  };
}

const first = (value: string | string[] | undefined): string =>
  (Array.isArray(value) ? value[0] : value) ?? '';

/**
 * The language of a page: the person's choice (`?lang=`, stored by `remember`, or the cookie `lang`), then `ui_locales` (OpenID
 * Connect Core section 3.1.2.1), then Accept-Language, then the first configured one.
 * @param uiLocales BCP 47 tags, separated by spaces, most preferred first.
 */
export function chooseLanguage(
  ctx: Context,
  languages: readonly Language[],
  uiLocales: string | undefined,
  remember: (language: Language) => void,
): Language {
  const supported = (tag: string): Language | undefined => languageOf(tag, languages);

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
