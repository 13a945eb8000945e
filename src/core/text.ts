/**
 * The form of a text in keywords of JSON Schema (draft 2020-12), for documents: lengths in code points, a pattern with the
 * `u` flag. Whoever keeps to it is not refused for the form; what only code can tell (a name that is taken) stays unsaid.
 */
export interface TextForm {
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  enum?: readonly string[];
  examples: string[];
}

const WIDE = /[\u3000\uff01-\uffef]+/gu;

/**
 * A typed text in ordinary letters, digits, signs and spaces where it has full-width ones, as keyboards for Chinese,
 * Japanese and Korean make them. Nothing else is changed.
 */
export const narrow = (input: string): string => input.replace(WIDE, (wide) => wide.normalize('NFKC'));

/**
 * What two spellings of one word have in common: NFKC, and case folded by way of upper case, so that ß meets SS, final
 * sigma meets sigma and the dotless i meets the i.
 */
export const foldCase = (value: string): string =>
  value.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');

/** Controls, what turns the direction of text, lone surrogates; not the joiners, which scripts and emoji need. */
const UNSEEN = /[[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]--[\u200c\u200d]]+/gv;
const LONGEST = 60;

/** Made with the first text: the data that it reads takes 20 ms. */
let graphemes: Intl.Segmenter | undefined;

/**
 * `text` on one line, without control and direction characters, cut after 60 characters as a person counts them, or
 * `longest`.
 */
export function oneLine(text: string, longest = LONGEST): string {
  const clean = text.replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim();
  graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  const parts = [...graphemes.segment(clean)];
  if (parts.length <= longest) return clean;
  return `${parts
    .slice(0, longest)
    .map(({ segment }) => segment)
    .join('')
    .trimEnd()}…`;
}
