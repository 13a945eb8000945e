import type { IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';

/** The parameters of a body: no repeated and no empty ones. */
export type Form = Record<string, string | undefined>;

/** A form in one of the shapes that most clients send, and its sender. */
export interface PlainForm {
  clientId: string;
  secret: string;
  params: Form;
}

export const words = (text: string): string[] => text.split(' ');

/** Bytes of a body. The library takes longer ones. */
const MAX_BODY_BYTES = 8192;

export const FORM = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i;
/** Credentials that are the same encoded and decoded (RFC 6749 section 2.3.1). */
const PLAIN = /^[!-$&-*,-~]+$/;
const BASIC = /^Basic ([A-Za-z0-9+/]+={0,2})$/;
/** RFC 6750 section 2.1, without what is unusual. */
const BEARER = /^Bearer [\w.-]+$/;
/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/;
/** Media types that may prefer a JWT (RFC 9701 section 4) to JSON, or refuse JSON. */
const PARTICULAR = /jwt|;\s*q/i;

/** Headers that ask for something else: CORS, DPoP, attestation, an encoded or streamed body. */
const OTHERS = words(
  'origin dpop oauth-client-attestation oauth-client-attestation-pop content-encoding transfer-encoding expect',
);

const isPlain = ({ headers }: IncomingMessage): boolean =>
  OTHERS.every((name) => headers[name] === undefined);

/** Whether a reply that could be a JWT should be JSON. */
export const takesJson = ({ headers }: IncomingMessage): boolean => !PARTICULAR.test(headers.accept ?? '');

/** The body length of a plain POST of a content type, by its head. Undefined for any other request. */
export function bodyLength(req: IncomingMessage, type: RegExp): number | undefined {
  const { method, headers } = req;
  if (method !== 'POST' || !type.test(headers['content-type'] ?? '') || !isPlain(req)) return undefined;
  const length = Number(headers['content-length']);
  return length > 0 && length <= MAX_BODY_BYTES ? length : undefined;
}

/**
 * A body of this length, if it arrives in one piece. It is put back at once: a request whose body has been read to its end
 * cannot be passed on.
 */
export async function bodyOf(req: IncomingMessage, length: number): Promise<Buffer | undefined> {
  await new Promise((resolve) => req.once('readable', resolve));
  const body = req.read() as Buffer | null;
  if (body) req.unshift(body);
  return body?.length === length ? body : undefined;
}

/** Whether a request is a GET with a bearer token and nothing more. */
export function isBearerGet(req: IncomingMessage): boolean {
  const { method, headers } = req;
  const hasBody = headers['content-length'] !== undefined || headers['content-type'] !== undefined;
  return method === 'GET' && !hasBody && BEARER.test(headers.authorization ?? '') && isPlain(req);
}

/** Credentials of HTTP Basic or of the body, but not of both. */
function credentialsOf(
  authorization: string | undefined,
  { client_id: id, client_secret: secret }: Form,
): [id: string, secret: string] | undefined {
  if (authorization === undefined) return id !== undefined && secret !== undefined ? [id, secret] : undefined;
  const [, encoded] = BASIC.exec(authorization) ?? [];
  if (encoded === undefined || encoded.length % 4 !== 0 || secret !== undefined) return undefined;
  const [basicId = '', basicSecret = '', ...others] = Buffer.from(encoded, 'base64').toString().split(':');
  const isSame = id === undefined || id === basicId;
  return isSame && others.length === 0 && PLAIN.test(basicId) && PLAIN.test(basicSecret)
    ? [basicId, basicSecret]
    : undefined;
}

/** The form of a request with this body. Undefined when anything about it is unusual. */
export function plainForm({ headers }: IncomingMessage, body: string): PlainForm | undefined {
  const all = parse(body);
  for (const value of Object.values(all)) if (typeof value !== 'string' || value === '') return undefined;
  const { client_id, client_secret, ...params } = all as Form;
  if (params['scope'] !== undefined && !SCOPE.test(params['scope'])) return undefined;
  const credentials = credentialsOf(headers.authorization, { client_id, client_secret });
  return credentials && { clientId: credentials[0], secret: credentials[1], params };
}

/** Whether a form has all of `required`, and no others except `optional`. */
export const hasOnly = (params: Form, required: readonly string[], optional: readonly string[]): boolean =>
  required.every((name) => params[name] !== undefined) &&
  Object.keys(params).every((name) => required.includes(name) || optional.includes(name));
