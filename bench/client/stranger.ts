import { formOf } from './browser.ts';
import { type Connection, expectStatus, type Message } from './connection.ts';
import type { Target } from './target.ts';

/** A browser that is not signed in, and stays so however often it signs in: it keeps none of the cookies it gets. */
export interface Stranger {
  /** Headers of a request, with more cookies than its own. */
  headers(...cookies: string[]): Record<string, string>;
  /** A form of the hosted pages, filled in. */
  form(fields: Record<string, string>, ...cookies: string[]): Message;
}

const pair = (cookie: string): string => cookie.split(';')[0]!;

/** Fetches the sign-in page, once, for its cookie and its token against forgery. */
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
