import type { Connection, Reply } from './connection.ts';
import type { Target } from './target.ts';

export interface Page {
  /** Path and query of the current page. */
  path: string;
  html: string;
  /** Target of a redirect away from the issuer, to the client. */
  leftFor: URL | null;
}

/** Minimal browser for a sign-in: keeps cookies, follows redirects, fills in forms. */
export class Browser {
  readonly #target: Target;
  readonly #connection: Connection;
  readonly #cookies = new Map<string, string>();

  constructor(target: Target, connection: Connection) {
    this.#target = target;
    this.#connection = connection;
  }

  async open(path: string): Promise<Page> {
    return this.#follow(path, await this.#connection.get(path, { headers: this.#headers() }));
  }

  /** Posts the page's first form with its hidden fields unchanged and the other fields that `values` names. */
  async submit(page: Page, values: Record<string, string>): Promise<Page> {
    const { path, fields } = formOf(page, values);
    const action = new URL(path, new URL(page.path, this.#target.issuer));
    const to = action.pathname + action.search;
    const headers = { ...this.#headers(), 'origin': this.#target.issuer, 'sec-fetch-site': 'same-origin' };
    return this.#follow(to, await this.#connection.post(to, { headers, form: fields }));
  }

  #headers(): Record<string, string> {
    return this.#cookies.size === 0
      ? {}
      : { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  }

  async #follow(path: string, reply: Reply): Promise<Page> {
    this.#keepCookies(reply);
    const { location } = reply;
    if (reply.status >= 300 && reply.status < 400 && location !== undefined) {
      const next = new URL(location, new URL(path, this.#target.issuer));
      return next.origin === this.#target.issuer
        ? this.open(next.pathname + next.search)
        : { path, html: '', leftFor: next };
    }
    if (reply.status !== 200) throw new Error(`${path}: ${reply.status}: ${reply.body.slice(0, 400)}`);
    return { path, html: reply.body, leftFor: null };
  }

  #keepCookies(reply: Reply): void {
    for (const cookie of reply.cookies) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (name === undefined) continue;
      if (value) this.#cookies.set(name, value);
      else this.#cookies.delete(name);
    }
  }
}

/** The page's first form, ready to be sent. */
export function formOf(
  { path, html }: Page,
  values: Record<string, string>,
): { path: string; fields: URLSearchParams } {
  const form = /<form\b([^>]*)>(.*?)<\/form>/is.exec(html);
  if (!form) throw new Error(`no form at ${path}: ${html.slice(0, 400)}`);
  const [, attributes = '', inside = ''] = form;
  const fields = new URLSearchParams();
  for (const [, tag = ''] of inside.matchAll(/<(?:input|button)\b([^>]*)>/gis)) {
    const name = attribute(tag, 'name');
    if (name === undefined) continue;
    const value = attribute(tag, 'type') === 'hidden' ? attribute(tag, 'value') : values[name];
    if (value !== undefined) fields.set(name, value);
  }
  return { path: attribute(attributes, 'action') ?? path, fields };
}

/** Reads an attribute's value. No value on these pages contains characters that HTML escapes. */
const attribute = (tag: string, name: string): string | undefined =>
  new RegExp(`(?:^|\\s)${name}="([^"]*)"`, 'i').exec(tag)?.[1];
