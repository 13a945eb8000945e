import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Observed } from './compare.ts';

/** Maximum remembered credentials, and for how long: refresh tokens commonly live a week. */
const REMEMBERED = {
  max: 20_000,
  /** Bytes. */
  maxSize: 16_777_216,
  sizeCalculation: (token: string) => token.length + 64,
  ttl: 7 * 86_400_000,
};

const digest = (text: string) => createHash('sha256').update(text).digest('base64');

/** Whether a text could be a credential: long, without spaces. */
const mayBe = (value: unknown): value is string =>
  typeof value === 'string' && value.length >= 16 && value.length <= 8192 && /^[\w.~+/=-]+$/.test(value);

/** A JWT as a string in JSON. */
const JWT = /"([\w-]{10,}\.[\w-]{10,}\.[\w-]*)"/g;

export interface Sent {
  headers: Record<string, string>;
  body: string | undefined;
}

/**
 * Maps credentials of the old service to Postern's, to repeat requests that carry them. Old ones are stored as
 * hashes, in memory only.
 */
export class Credentials {
  readonly #known = new LRUCache<string, string>(REMEMBERED);

  /** Learns from the two replies to a login or refresh: credentials at the same place correspond. */
  learn(old: Observed, postern: Observed): void {
    this.#pair(old.json, postern.json, 0);
    const [theirs, ours] = [cookiesOf(old), cookiesOf(postern)];
    for (const [name, value] of theirs) {
      const other = ours.get(name);
      if (other !== undefined && other !== value) this.#known.set(digest(value), other);
    }
  }

  #pair(old: unknown, postern: unknown, depth: number): void {
    if (mayBe(old) && mayBe(postern) && old !== postern) this.#known.set(digest(old), postern);
    if (
      depth > 6 ||
      typeof old !== 'object' ||
      old === null ||
      typeof postern !== 'object' ||
      postern === null
    )
      return;
    for (const [name, value] of Object.entries(old).slice(0, 50))
      this.#pair(value, (postern as Record<string, unknown>)[name], depth + 1);
  }

  /** Replaces the old service's credentials in a request by Postern's. @returns null when one is unknown. */
  translate({ headers, body }: Sent): Sent | null {
    const [scheme = '', token] = (headers['authorization'] ?? '').split(' ');
    const bearer = token === undefined ? undefined : this.#known.get(digest(token));
    if (scheme.toLowerCase() === 'bearer' && bearer === undefined) return null;
    const asked = [...(body ?? '').matchAll(JWT)].map(([, text = '']) => text);
    if (asked.some((text) => !this.#known.has(digest(text)))) return null;
    const cookies = (headers['cookie'] ?? '').split(/;\s*/).map((pair) => {
      const [name = '', ...rest] = pair.split('=');
      const other = this.#known.get(digest(rest.join('=')));
      return other === undefined ? pair : `${name}=${other}`;
    });
    return {
      headers: {
        ...headers,
        ...(bearer === undefined ? {} : { authorization: `${scheme} ${bearer}` }),
        ...(headers['cookie'] === undefined ? {} : { cookie: cookies.join('; ') }),
      },
      body: body?.replaceAll(/"([\w.~+/=-]{16,8192})"/g, (whole, text: string) => {
        const other = this.#known.get(digest(text));
        return other === undefined ? whole : JSON.stringify(other);
      }),
    };
  }
}

const cookiesOf = ({ headers }: Observed): Map<string, string> =>
  new Map(
    (headers.get('set-cookie') ?? []).map((cookie): [string, string] => {
      const [pair = ''] = cookie.split(';', 1);
      const [name = '', ...value] = pair.split('=');
      return [name, value.join('=')];
    }),
  );
