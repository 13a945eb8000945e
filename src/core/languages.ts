/** The languages of pages and mail: its BCP 47 tag, what it calls itself, and which way it is written. */
export const languageInfo = {
  en: { tag: 'en', label: 'English', dir: 'ltr' },
  de: { tag: 'de', label: 'Deutsch', dir: 'ltr' },
  es: { tag: 'es', label: 'Español', dir: 'ltr' },
  zh: { tag: 'zh-Hans', label: '简体中文', dir: 'ltr' },
} as const satisfies Record<string, { tag: string; label: string; dir: 'ltr' | 'rtl' }>;

export type Language = keyof typeof languageInfo;

export const LANGUAGES = Object.keys(languageInfo) as [Language, ...Language[]];

/** The one of `languages` that `tag` (BCP 47) is a form of. */
export function languageOf(tag: string, languages: readonly Language[]): Language | undefined {
  const [primary] = tag.toLowerCase().split(/[-_]/);
  return languages.find((language) => language === primary);
}
