import { formOf } from './browser.ts';
import { type Connection, expectStatus, type Message } from './connection.ts';
import type { Target } from './target.ts';

/** A browser that drops every cookie it receives, so that each sign-in starts signed out. */
export interface Stranger {
  /** Request headers with the given cookies added. */
  headers(...cookies: string[]): Record<string, string>;
  /** A filled-in form of the hosted pages. */
  form(fields: Record<string, string>, ...cookies: string[]): Message;
}

const pair = (cookie: string): string => cookie.split(';')[0]!;

/** Fetches the sign-in page once for its cookie and CSRF token. */
export async function newStranger({ issuer }: Target, connection: Connection): Promise<Stranger> {
  const page = await connection.get('/sign-in');
  expectStatus(page, 200, 'sign-in page');
  const { fields: hidden } = formOf({ path: '/sign-in', html: page.body, leftFor: null }, {});
  const headers = (...cookies: string[]) => ({
    'cookie': [...page.cookies, ...cookies].map(pair).join('; '),
    'origin': issuer,
    'sec-fetch-site': 'same-origin',
  });
  return {
    headers,
    form: (fields, ...cookies) => ({
      headers: headers(...cookies),
      form: new URLSearchParams([...hidden, ...Object.entries(fields)]).toString(),
    }),
  };
}
