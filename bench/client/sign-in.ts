import { createHash, randomBytes } from 'node:crypto';
import { endpoints } from '../scenarios/scenario.ts';
import { Browser } from './browser.ts';
import { basic, type Connection, expectStatus } from './connection.ts';
import type { Person, Target } from './target.ts';

export interface Tokens {
  access_token: string;
  refresh_token?: string;
  id_token?: string;
}

/** The person that connection number `index` signs in. */
export function personAt({ people }: Target, index: number): Person {
  const person = people[index % people.length];
  if (!person) throw new Error('the target has no people');
  return person;
}

/**
 * Signs a person in on the server's pages and consents to all that the client requests.
 * @returns `authorize` for an authorization code on that session, `exchange` for its tokens; `push` for the same after
 * the request was pushed (RFC 9126).
 */
export async function signIn(target: Target, connection: Connection, index: number) {
  const { web } = target;
  const browser = new Browser(target, connection);
  const { username, password } = personAt(target, index);
  const answers = { identifier: username, password, decision: 'allow' };
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const headers = { authorization: basic(web.id, web.secret) };

  const request = (parameters: Record<string, string>) =>
    new URLSearchParams({
      client_id: web.id,
      redirect_uri: web.redirectUri,
      response_type: 'code',
      code_challenge: challenge,
      code_challenge_method: 'S256',
      state: 'bench',
      ...parameters,
    });

  const codeFor = async (query: URLSearchParams): Promise<string> => {
    let page = await browser.open(`${endpoints.authorization}?${query.toString()}`);
    for (let pages = 0; page.leftFor === null && pages < 4; pages++) {
      page = await browser.submit(page, answers);
    }
    const code = page.leftFor?.searchParams.get('code');
    if (!code) throw new Error(`no code but ${page.leftFor?.href ?? page.html.slice(0, 400)}`);
    return code;
  };

  const authorize = (parameters: Record<string, string>) => codeFor(request(parameters));

  const push = async (parameters: Record<string, string>): Promise<string> => {
    const reply = await connection.post(endpoints.pushed, { headers, form: request(parameters) });
    expectStatus(reply, 201, 'pushed authorization request');
    const { request_uri } = JSON.parse(reply.body) as { request_uri: string };
    return codeFor(new URLSearchParams({ client_id: web.id, request_uri }));
  };

  const exchange = async (code: string): Promise<Tokens> => {
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: web.redirectUri,
      code_verifier: verifier,
    });
    const reply = await connection.post(endpoints.token, { headers, form });
    expectStatus(reply, 200, 'code exchange');
    return JSON.parse(reply.body) as Tokens;
  };

  // The first authorization signs in; later ones reuse the session and the consent.
  await authorize({ scope: 'openid profile email' });
  return { authorize, push, exchange };
}
