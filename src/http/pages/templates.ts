import { readFileSync } from 'node:fs';
import path from 'node:path';
import ejs from 'ejs';
import { renderSVG } from 'uqr';
import { escapeText } from '../../core/html.ts';

/** Markup that is safe to insert into a page. Everything else is text and gets escaped. */
export class Html {
  readonly #markup: string;

  constructor(markup: string) {
    this.#markup = markup;
  }

  toString(): string {
    return this.#markup;
  }
}

/** Applied to every `<%= %>` of a template: escapes text, passes `Html`; null and undefined are empty. */
export function escapeHtml(value: string | number | Html | null | undefined): string {
  if (value instanceof Html) return value.toString();
  if (value === null || value === undefined) return '';
  return escapeText(String(value));
}

/** A person's name within a sentence: emphasised, and isolated from the direction of the text around it (bidi). */
export const strong = (text: string): Html => new Html(`<strong><bdi>${escapeHtml(text)}</bdi></strong>`);

/** The icons that `views/partials/icon.ejs` can draw. */
export type Icon =
  | 'alert'
  | 'arrow'
  | 'braces'
  | 'check'
  | 'circle'
  | 'circles'
  | 'clock'
  | 'door'
  | 'drop'
  | 'enter'
  | 'folder'
  | 'grid'
  | 'home'
  | 'hourglass'
  | 'key'
  | 'lines'
  | 'lock'
  | 'mail'
  | 'passkey'
  | 'person'
  | 'phone'
  | 'plus'
  | 'pulse'
  | 'refresh'
  | 'screen'
  | 'search'
  | 'send'
  | 'shield'
  | 'sliders';

/** `text` as a QR code, as a data URL. */
export const qrCode = (text: string): string =>
  `data:image/svg+xml;base64,${Buffer.from(renderSVG(text, { ecc: 'M', border: 3 })).toString('base64')}`;

type Locals = Readonly<Record<string, unknown>>;
type Template = (locals: Locals) => Html;

/**
 * The EJS templates of a folder, each compiled on first use. All output except `Html` is escaped.
 * @param locals the names available to every template.
 */
export function createTemplates(folder: string, locals: readonly string[]): (name: string) => Template {
  const compiled = new Map<string, Template>();
  return (name) => {
    let template = compiled.get(name);
    if (!template) {
      const filename = path.join(folder, `${name}.ejs`);
      const options = {
        filename,
        strict: true,
        destructuredLocals: [...locals],
        escape: escapeHtml,
        // Ours have the prototype of a literal. Copying them for each call takes a quarter of a page's rendering.
        unsafePrototypeLocals: true,
      };
      const render = ejs.compile(readFileSync(filename, 'utf8'), options);
      template = (values) => new Html(render(values));
      compiled.set(name, template);
    }
    return template;
  };
}
