/** The languages of pages and mail: BCP 47 tag, native name, and text direction. */
export const languageInfo = {
  en: { tag: 'en', label: 'English', dir: 'ltr' },
  de: { tag: 'de', label: 'Deutsch', dir: 'ltr' },
  es: { tag: 'es', label: 'Español', dir: 'ltr' },
  zh: { tag: 'zh-Hans', label: '简体中文', dir: 'ltr' },
} as const satisfies Record<string, { tag: string; label: string; dir: 'ltr' | 'rtl' }>;

export type Language = keyof typeof languageInfo;

export const LANGUAGES = Object.keys(languageInfo) as [Language, ...Language[]];

/** Finds the language that `tag` (BCP 47) belongs to. */
export function languageOf(tag: string, languages: readonly Language[]): Language | undefined {
  const [primary] = tag.toLowerCase().split(/[-_]/);
  return languages.find((language) => language === primary);
}
