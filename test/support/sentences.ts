import { IntlMessageFormat } from 'intl-messageformat';

interface Element {
  /** 0 is text, 7 the `#` of a plural. */
  type: number;
  value?: string;
  options?: Record<string, { value: Element[] }>;
  pluralType?: 'cardinal' | 'ordinal';
}

const parsed = (sentence: string): Element[] =>
  new IntlMessageFormat(sentence, 'en', undefined, { ignoreTag: true }).getAst() as unknown as Element[];

const inside = (elements: Element[]): Element[] =>
  elements.flatMap((element) => [
    element,
    ...Object.values(element.options ?? {}).flatMap(({ value }) => inside(value)),
  ]);

/** Lists the arguments of a message, each once. @throws SyntaxError when it cannot be parsed (ICU MessageFormat). */
export const argumentsOf = (sentence: string): string[] => [
  ...new Set(
    inside(parsed(sentence)).flatMap(({ type, value }) =>
      type === 0 || type === 7 || value === undefined ? [] : [value],
    ),
  ),
];

/** Lists the plural forms that a message lacks in a language (CLDR). Exact ones like `=0` are optional. */
export const missingForms = (sentence: string, tag: string): string[] =>
  inside(parsed(sentence)).flatMap(({ options, pluralType: type }) =>
    options === undefined || type === undefined
      ? []
      : new Intl.PluralRules(tag, { type })
          .resolvedOptions()
          // Spanish uses `many` for millions, with "de"; no count here gets that high.
          .pluralCategories.filter((form) => form !== 'many' && !(form in options)),
  );
