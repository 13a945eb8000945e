/** Sends one request to two nodes and compares the replies. */
import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Client } from './provider.ts';

export interface SentRequest {
  method: 'GET' | 'POST';
  path: string;
  headers: Record<string, string>;
  body: string;
  /** Where to split the body into two writes. */
  cut?: number;
}

export interface ReceivedReply {
  /** Whether it took the fast path, whose headers are in another order. */
  isFast: boolean;
  status: number | undefined;
  headers: Record<string, string>;
  text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

/** Sends a request for the issuer to the node at `url`. */
export async function ask(
  issuer: string,
  url: string,
  { method, path, headers, body, cut = 0 }: SentRequest,
): Promise<ReceivedReply> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    raw: string[];
    status: number | undefined;
    text: string;
  }>();
  const length = method === 'POST' ? { 'content-length': String(Buffer.byteLength(body)) } : {};
  const sent = request(
    `${url}${path}`,
    { method, agent, headers: { host: new URL(issuer).host, ...length, ...headers } },
    (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (part: string) => (text += part));
      reply.on('end', () => resolve({ raw: reply.rawHeaders, status: reply.statusCode, text }));
    },
  );
  sent.on('error', reject);
  if (cut > 0) {
    sent.write(body.slice(0, cut));
    await new Promise((next) => setTimeout(next, 5));
  }
  sent.end(body.slice(cut));
  const { raw, status, text } = await promise;
  const pairs = raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1]]] : []));
  return {
    isFast: raw[2] === 'Content-Type',
    status,
    headers: Object.fromEntries(pairs) as Record<string, string>,
    text,
  };
}

/** Claims that differ between any two tokens, and those that differ between two logins or seconds. */
const OF_ONE = new Set(['iat', 'exp', 'jti', 'gid', 'sid', 'auth_time', 'at_hash']);

/** The format of a token and its claims, without values that differ between tokens. */
function comparableToken(token: string): unknown {
  if (!token.includes('.')) return token.length;
  const { iat = 0, exp = 0, ...claims } = decodeJwt(token);
  const rest = Object.entries(claims).map(([name, value]) => [name, OF_ONE.has(name) ? typeof value : value]);
  return [decodeProtectedHeader(token), Object.fromEntries(rest), exp - iat];
}

/** What two replies to the same request must have in common. */
export function comparable({ status, headers, text }: ReceivedReply): object {
  const { 'date': _date, 'x-request-id': _id, 'content-length': _length, ...others } = headers;
  if (!headers['content-type']?.startsWith('application/json'))
    return { status, others, page: text.length > 0 };
  const body = JSON.parse(text) as Record<string, unknown>;
  for (const name of ['access_token', 'refresh_token', 'id_token'])
    if (typeof body[name] === 'string') body[name] = comparableToken(body[name]);
  // A contract's refusal contains the time, which may be a second later.
  const { timestamp } = body;
  if (typeof timestamp === 'string') body['timestamp'] = timestamp.replaceAll(/\d/g, '0');
  return { status, headers: others, names: Object.keys(JSON.parse(text) as object), body };
}

const basic = (id: string, secret: string, scheme = 'Basic') => ({
  authorization: `${scheme} ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

export const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Choices determined by a seed. */
export function choices(seed: string) {
  const bytes = createHash('shake256', { outputLength: 512 }).update(seed).digest();
  let at = 0;
  const pick = (below: number) => bytes.readUInt16BE((at = (at + 2) % 510)) % below;
  const one = <T>(...all: T[]): T => all[pick(all.length)] as T;
  /** Once in ten times. */
  const rarely = <T>(...all: T[]): T | undefined => (pick(10) === 0 ? one(...all) : undefined);
  return { pick, one, rarely };
}

export type Choices = ReturnType<typeof choices>;

/** A form in one of several encodings, nearly always the plain one, with these credentials. */
export function randomForm(
  { pick, one, rarely }: Choices,
  path: string,
  form: URLSearchParams,
  { id, secret }: { id: string; secret: string },
): SentRequest {
  const given = rarely(`${secret}x`, '', 'é', `${secret}:`) ?? secret;
  const name = rarely('nobody', 'a b', id.toUpperCase()) ?? id;
  const inBody = pick(3) === 0;
  if (inBody || pick(8) === 0) form.set('client_id', rarely('other') ?? name);
  if (inBody) form.set('client_secret', given);
  const more = rarely(['scope', 'read'], ['nonce', '1'], ['authorization_details', '[]'], ['token', 'x']);
  if (more) form.append(more[0]!, more[1]!);
  let body = form.toString();
  body = rarely(`${body}&`, `&${body}`, body.replace('=', '%3D'), `\uFEFF${body}`, '{}') ?? body;
  const type = rarely(
    `${FORM['content-type']}; charset=UTF-8`,
    `${FORM['content-type']};charset=latin1`,
    'application/json',
  );
  const headers = {
    'content-type': type ?? FORM['content-type'],
    ...(inBody && pick(4) > 0 ? {} : basic(name, given, rarely('basic', 'Bearer', 'Basic '))),
    ...rarely(
      { origin: 'https://app.example.test' },
      { dpop: 'x' },
      { accept: 'text/html' },
      { accept: 'application/token-introspection+jwt' },
      { accept: 'application/json;q=0, */*' },
      { accept: 'application/json, text/plain, */*' },
      { expect: '100-continue' },
    ),
  };
  return {
    method: 'POST',
    path: one(path, path, path, path, path, path, path, path, `${path}?a=b`),
    headers,
    body,
    cut: rarely(1, 10) ?? 0,
  };
}

/** A plain request to the token endpoint. */
export const tokenRequest = (client: Client, params: Record<string, string>): SentRequest => ({
  method: 'POST',
  path: '/oauth2/token',
  headers: { ...FORM, ...basic(client.id, client.secret) },
  body: new URLSearchParams(params).toString(),
});
/** A plain introspection request, or at `path` a revocation. */
export const introspectionRequest = (
  client: Client,
  shown: string,
  path = '/oauth2/introspect',
): SentRequest => ({
  ...tokenRequest(client, { token: shown }),
  path,
});
export const userinfoRequest = (shown: string): SentRequest => ({
  method: 'GET',
  path: '/oauth2/userinfo',
  headers: { authorization: `Bearer ${shown}` },
  body: '',
});
export const refreshRequest = (client: Client, shown: string): SentRequest =>
  tokenRequest(client, { grant_type: 'refresh_token', refresh_token: shown });
export const clientCredentialsRequest = (client: Client, params: Record<string, string> = {}): SentRequest =>
  tokenRequest(client, { grant_type: 'client_credentials', ...params });
