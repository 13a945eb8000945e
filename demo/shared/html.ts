/** Text that may stand in HTML as it is. */
class Html {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  toString(): string {
    return this.#text;
  }
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function embed(value: unknown): string {
  if (Array.isArray(value)) return value.map(embed).join('');
  return value instanceof Html
    ? value.toString()
    : String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** A template whose values are escaped, unless they were made by this very function. */
export const html = (strings: TemplateStringsArray, ...values: unknown[]): Html =>
  new Html(strings.reduce((text, string, index) => text + embed(values[index - 1]) + string));

/** The frame around a demo's page. */
export const page = (title: string, body: Html): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/demo.css" />
      </head>
      <body>
        ${body}
      </body>
    </html>`.toString();

/** A table of names and values. */
export const table = (values: Record<string, unknown>): Html =>
  html`<dl>
    ${Object.entries(values).map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${typeof value === 'object' ? JSON.stringify(value) : value}</dd>
        </div>`,
    )}
  </dl>`;
