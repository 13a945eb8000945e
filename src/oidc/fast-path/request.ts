import type { IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';

/** A client credentials request (RFC 6749 section 4.4.2) in one of the forms that most clients send. */
export interface SimpleRequest {
  clientId: string;
  secret: string;
  params: { grant_type: 'client_credentials'; scope: string | undefined; resource: string | undefined };
}

/** Bytes of a body. A longer one is the library's. */
const LONGEST = 4096;

const FORM = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i;
/** Credentials that need no decoding (RFC 6749 section 2.3.1) are the same before and after it. */
const PLAIN = /^[!-$&-*,-~]+$/;
const BASIC = /^Basic ([A-Za-z0-9+/]+={0,2})$/;
/** RFC 6749 section 3.3. */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*$/;

const PARAMETERS = new Set(['grant_type', 'scope', 'resource', 'client_id', 'client_secret']);

/** Headers by which a request asks for something else: CORS, DPoP, attestation, an encoded or streamed body. */
const OTHERS = [
  'origin',
  'dpop',
  'oauth-client-attestation',
  'oauth-client-attestation-pop',
  'content-encoding',
  'transfer-encoding',
  'expect',
];

/** The length of the body of a request that may be a simple one, by its head. Undefined for any other. */
export function simpleLength({ method, url, headers }: IncomingMessage, path: string): number | undefined {
  if (method !== 'POST' || url !== path || !FORM.test(headers['content-type'] ?? '')) return undefined;
  const length = Number(headers['content-length']);
  if (!(length > 0 && length <= LONGEST) || OTHERS.some((name) => headers[name] !== undefined))
    return undefined;
  return length;
}

/** Credentials of HTTP Basic or of the body, but not of both. */
function credentialsOf(
  authorization: string | undefined,
  { client_id: id, client_secret: secret }: Record<string, string | undefined>,
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

/** The request with this body. Undefined when anything about it is not plain. */
export function simpleRequest({ headers }: IncomingMessage, body: string): SimpleRequest | undefined {
  const all = parse(body);
  for (const [name, value] of Object.entries(all))
    if (!PARAMETERS.has(name) || typeof value !== 'string' || value === '') return undefined;
  const { grant_type: grantType, scope, resource, ...rest } = all as Record<string, string | undefined>;
  if (grantType !== 'client_credentials' || (scope !== undefined && !SCOPE.test(scope))) return undefined;
  const credentials = credentialsOf(headers.authorization, rest);
  if (!credentials) return undefined;
  const [clientId, secret] = credentials;
  return { clientId, secret, params: { grant_type: grantType, scope, resource } };
}
