import { attributeOf as attribute } from '../../support/forms.ts';

/** The page that a browser would show now. */
export interface Page {
  url: URL;
  /** The method of its request: the redirect of a form is followed with GET. */
  method: string;
  status: number;
  headers: Headers;
  html: string;
  /** Set if a redirect led away from the issuer, to a client. */
  leftFor: URL | null;
}

interface Sending {
  method?: string;
  headers?: Record<string, string>;
  body?: URLSearchParams;
}

interface Cookie {
  value: string;
  path: string;
  /** When it expires, in milliseconds since the epoch. Undefined: with the browser. */
  expires: number | undefined;
}

/** As much of a browser as signing in needs: stores cookies by path, follows redirects, submits forms. */
export class UserAgent {
  readonly #issuer: string;
  readonly #cookies = new Map<string, Cookie>();

  constructor(issuer: string) {
    this.#issuer = issuer;
  }

  /** The Cookie header for `path`. */
  cookies(path: string): string {
    return [...this.#cookies]
      .filter(([, cookie]) => path === cookie.path || path.startsWith(`${cookie.path.replace(/\/$/, '')}/`))
      .map(([key, { value }]) => `${key.split(' ')[0]}=${value}`)
      .join('; ');
  }

  /**
   * When the cookies whose names contain `name` expire, in milliseconds since the epoch. Undefined: with the
   * browser.
   */
  ends(name: string): (number | undefined)[] {
    return [...this.#cookies].filter(([key]) => key.includes(name)).map(([, { expires }]) => expires);
  }

  /** Another browser with a copy of the current cookies. @param issuer the node it uses. */
  copy(issuer = this.#issuer): UserAgent {
    const other = new UserAgent(issuer);
    for (const [key, cookie] of this.#cookies) other.#cookies.set(key, cookie);
    return other;
  }

  /** Opens a page and follows redirects within the issuer. */
  open(url: string | URL, headers: Record<string, string> = {}): Promise<Page> {
    return this.#send(new URL(url, this.#issuer), { headers });
  }

  /**
   * Submits a form of the page: its hidden fields and `values`.
   * @param form part of the form's action. Unless given, the first form
   */
  submit({ url, html }: Page, values: Record<string, string>, form = ''): Promise<Page> {
    const found = [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)].find(([, tag = '']) =>
      attribute(tag, 'action')?.includes(form),
    );
    if (!found) throw new Error(`${url.href} has no form ${form}: ${html.slice(0, 500)}`);
    const fields = new URLSearchParams();
    for (const [, tag = ''] of (found[2] ?? '').matchAll(/<input\b([^>]*)>/gi)) {
      const name = attribute(tag, 'name');
      if (name !== undefined && attribute(tag, 'type') === 'hidden')
        fields.append(name, attribute(tag, 'value') ?? '');
    }
    for (const [name, value] of Object.entries(values)) fields.set(name, value);
    const action = new URL(attribute(found[1] ?? '', 'action') ?? '', url);
    return this.#send(action, { method: 'POST', body: fields });
  }

  /** Posts these fields, whatever form they are from. */
  post(url: string | URL, fields: URLSearchParams): Promise<Page> {
    return this.#send(new URL(url, this.#issuer), { method: 'POST', body: fields });
  }

  async #send(url: URL, init: Sending): Promise<Page> {
    const headers = { accept: 'text/html', cookie: this.cookies(url.pathname), ...init.headers };
    const reply = await fetch(url, { ...init, headers, redirect: 'manual' });
    this.#keep(url, reply);
    const location = reply.headers.get('location');
    const html = await reply.text();
    const { method = 'GET' } = init;
    const page = { url, method, status: reply.status, headers: reply.headers, html };
    if (location === null) return { ...page, leftFor: null };
    const next = new URL(location, url);
    if (next.origin === new URL(this.#issuer).origin) return this.#send(next, {});
    return { ...page, leftFor: next };
  }

  #keep(url: URL, reply: Response): void {
    for (const line of reply.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      const path = /;\s*path=([^;]*)/i.exec(line)?.[1] ?? url.pathname.replace(/\/[^/]*$/, '/');
      const until = /;\s*expires=([^;]*)/i.exec(line)?.[1];
      const expires = until === undefined ? undefined : Date.parse(until);
      const key = `${name} ${path}`;
      if (expires !== undefined && expires <= Date.now()) this.#cookies.delete(key);
      else this.#cookies.set(key, { value, path, expires });
    }
  }
}
