/**
 * The form of a text in keywords of JSON Schema (draft 2020-12), for documents: lengths in code points, a pattern with the
 * `u` flag. A conforming value is never rejected for its form; checks that need code, such as a taken name, are not
 * expressed.
 */
export interface TextForm {
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  enum?: readonly string[];
  examples: string[];
}

/** The value if it is a text, else null. */
export const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

const WIDE = /[\u3000\uff01-\uffef]+/gu;

/**
 * Narrows full-width letters, digits, punctuation and spaces, as Chinese, Japanese and Korean keyboards type them.
 * Changes nothing else.
 */
export const narrow = (input: string): string => input.replace(WIDE, (wide) => wide.normalize('NFKC'));

/**
 * The key that all spellings of a word share: NFKC, then case-folded via upper case, so that ß matches SS, final sigma matches
 * sigma and the dotless i matches the i.
 */
export const foldCase = (value: string): string =>
  value.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');

/** Control characters, direction overrides and lone surrogates; not the joiners, which some scripts and emoji need. */
const UNSEEN = /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]--[\u200c\u200d]]+/gv;
const MAX_LINE_LENGTH = 60;

/** Created lazily: loading its data takes 20 ms. */
let graphemes: Intl.Segmenter | undefined;

/**
 * `text` on one line, without control and direction characters, truncated after `longest` (60) grapheme clusters.
 */
export function oneLine(text: string, maxLength = MAX_LINE_LENGTH): string {
  const clean = text.replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim();
  if (clean.length <= maxLength) return clean;
  graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  const parts = [...graphemes.segment(clean)];
  if (parts.length <= maxLength) return clean;
  return `${parts
    .slice(0, maxLength)
    .map(({ segment }) => segment)
    .join('')
    .trimEnd()}…`;
}
