const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Markup that is safe to put into a page as it is. Everything else is text and gets escaped. */
export class Html {
  readonly #markup: string;

  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

/** What every `<%= %>` of a template goes through: escapes text, lets `Html` pass; null and undefined are empty. */
export function escapeHtml(value: string | number | Html | null | undefined): string {
  if (value instanceof Html) return value.toString();
  if (value === null || value === undefined) return '';
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** Somebody's name inside a sentence: emphasised, and kept from turning the text around it (bidi isolation). */
export const strong = (text: string): Html => new Html(`<strong><bdi>${escapeHtml(text)}</bdi></strong>`);
