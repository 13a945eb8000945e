import { isLoopbackHostname } from '../core/network.ts';
import type { RefusalRow } from '../storage/refusals.ts';

type Refused = Pick<RefusalRow, 'endpoint' | 'error' | 'parameter' | 'value' | 'reason'>;

/** The client of the request, as far as advice depends on it. */
export interface AdvisedClient {
  id: string;
  metadata: Record<string, unknown>;
}

const list = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

/** A word of a command line, quoted where the shell would interpret it. */
const word = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/**
 * Whether to offer adding a refused redirect URI to the client: only on loopback, or over https at one of its hosts.
 * Strangers choose refused URIs, and must not be one click away from being trusted.
 */
function mayBeOffered(uri: string | null, registered: readonly string[]): uri is string {
  const url = URL.parse(uri ?? '');
  // A truncated address is another one.
  if (uri === null || !url || uri.endsWith('…') || registered.includes(uri)) return false;
  if (isLoopbackHostname(url.hostname)) return url.protocol === 'http:' || url.protocol === 'https:';
  return url.protocol === 'https:' && registered.some((one) => URL.parse(one)?.hostname === url.hostname);
}

/** How to allow the redirect to `uri`, with the command that adds it where it is safe to offer. */
function addAddress(option: string, registered: string[], uri: string | null, id: string): string {
  const has = `It has ${registered.length === 0 ? 'none' : registered.join(', ')}.`;
  if (!mayBeOffered(uri, registered))
    return `${has} The app must send exactly one of these. To add one, list all of them: postern client update ${id} ${option}`;
  const all = [...registered, uri].map((one) => `${option} ${word(one)}`).join(' ');
  return `${has} Send exactly one of these, or add this one: postern client update ${id} ${all}`;
}

type Advice = (refused: Refused, client: AdvisedClient) => string;

/** Advice by `error:parameter`, or by either. */
const ADVICE = {
  'redirect_uri': ({ endpoint, value }, { id, metadata }) =>
    endpoint === 'token'
      ? 'Send exactly the redirect_uri of the authorization request in the token request, too.'
      : addAddress('--redirect-uri', list(metadata['redirect_uris']), value, id),
  'post_logout_redirect_uri': ({ value }, { id, metadata }) =>
    addAddress('--post-logout-redirect-uri', list(metadata['post_logout_redirect_uris']), value, id),
  'client_id': () => 'This client does not exist here: postern client list shows all clients.',
  'enabled': (_refused, { id }) => `The client is disabled. To enable it: postern client enable ${id}`,
  'allowed_groups': (_refused, { id }) =>
    `Only people with certain roles or groups may use the app (allowed_roles, allowed_groups). Add the person to one of them, or allow another group, listing all of them: postern client update ${id} --allow-group <group>`,
  'client_secret': (_refused, { id }) =>
    `The secret of the app is not the client's. To create a new one: postern client rotate-secret ${id}`,
  'client_assertion': () =>
    'Check the assertion: iss and sub must be the client_id, aud the issuer, exp soon, jti new each time. Its key must be in the jwks that the client has here.',
  'token_endpoint_auth_method': (_refused, { id, metadata }) => {
    const { token_endpoint_auth_method: method = 'client_secret_basic' } = metadata;
    return `The client must authenticate with ${String(method)}. Set the app to that, or change the client: postern client update ${id} --auth-method <method>`;
  },
  'client certificate': () =>
    'The proxy must pass on the certificate that the client is registered with (mtls in the configuration).',
  'Authorization': () => 'Send the credentials in only one place (RFC 6749 section 2.3).',
  'code_challenge': () => 'Enable PKCE with S256 in the library of the app.',
  'code_challenge_method': () => 'Use S256, the only supported method; plain protects nothing.',
  'code_verifier': () =>
    'The verifier is missing or belongs to another login. The app must store it by state until the person returns, even with two tabs.',
  'code': () =>
    'A code can be used once, within a minute, by the client that it was issued to. The app must redeem it once, and handle no callback twice.',
  'refresh_token': () =>
    'It was used before, has expired, or its login has ended. Keep only the refresh token of the latest response, and have the person sign in again.',
  'device_code': () => 'Start again: the code has expired, was used, or belongs to another client.',
  'scope': (_refused, { id, metadata }) => {
    const { scope } = metadata;
    return typeof scope === 'string'
      ? `The client may request ${scope}. Request less, or allow more, listing all of them: postern client update ${id} --scope …`
      : 'No API here has this scope: postern api list shows all scopes.';
  },
  'resource': () => 'No API here has this identifier: postern api list shows all APIs.',
  'grant_type': (_refused, { id, metadata }) =>
    `The client may use ${list(metadata['grant_types']).join(', ') || 'authorization_code'}. To allow more, list all of them: postern client update ${id} --grant …`,
  'response_type': () => 'Use the code flow: response_type=code. There is no implicit and no hybrid flow.',
  'Origin': (_refused, { id }) =>
    `Browsers may call from the origins of the redirect URIs. To add one: postern client update ${id} --cors-origin <origin>`,
  'DPoP': () => 'Check the DPoP proof: htm, htu, iat, a new jti each time, and always the same key.',
  'Content-Type': () => 'Send parameters as application/x-www-form-urlencoded, client metadata as JSON.',
  'request_uri': () => 'Push a new request for each login: a request_uri can be used once, within a minute.',
  'login_required:prompt': () =>
    'With prompt=none nobody is asked. The app should offer to sign in, and then send the person without prompt=none.',
  'access_denied': () => 'The person, or a rule, refused. The app should say so and offer to try again.',
} satisfies Record<string, Advice>;

/** The subject of an explanation. */
export type RefusalTopic = keyof typeof ADVICE | 'other';

const isTopic = (name: string): name is keyof typeof ADVICE => Object.hasOwn(ADVICE, name);

/** The details of a refusal that have an explanation. */
export const topicOf = ({ error, parameter }: Pick<RefusalRow, 'error' | 'parameter'>): RefusalTopic =>
  [`${error}:${parameter}`, parameter ?? '', error].find(isTopic) ?? 'other';

/** Advice on a refusal for operators and developers, in English. */
export function adviceOn(refused: Refused, client: AdvisedClient): string {
  const topic = topicOf(refused);
  return topic === 'other'
    ? `Compare the request with the client: postern client show ${client.id}`
    : ADVICE[topic](refused, client);
}

/** A change of a client's metadata that lets the request through. */
export interface Fix {
  property: 'redirect_uris' | 'post_logout_redirect_uris';
  /** The metadata that the fix adds. */
  adds: string;
  /** All of them, including it. */
  value: string[];
}

/** The change that is safe to offer for a refusal; null when somebody has to look closer. */
export function fixOf({ endpoint, parameter, value }: Refused, { metadata }: AdvisedClient): Fix | null {
  if (parameter !== 'redirect_uri' && parameter !== 'post_logout_redirect_uri') return null;
  const property = `${parameter}s` as const;
  const registered = list(metadata[property]);
  return endpoint !== 'token' && mayBeOffered(value, registered)
    ? { property, adds: value, value: [...registered, value] }
    : null;
}
