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
    return `${has} The app must send one of these, to the letter; one that is missing is added with postern client update ${id} ${option}, which takes all of them.`;
  const all = [...registered, uri].map((one) => `${option} ${word(one)}`).join(' ');
  return `${has} Send one of these, to the letter, or add it: postern client update ${id} ${all}`;
}

type Advice = (refused: Refused, client: AdvisedClient) => string;

/** Advice by `error:parameter`, or by either. */
const ADVICE = {
  'redirect_uri': ({ endpoint, value }, { id, metadata }) =>
    endpoint === 'token'
      ? 'Send the redirect_uri of the authorization request in the token request too, to the letter.'
      : addAddress('--redirect-uri', list(metadata['redirect_uris']), value, id),
  'post_logout_redirect_uri': ({ value }, { id, metadata }) =>
    addAddress('--post-logout-redirect-uri', list(metadata['post_logout_redirect_uris']), value, id),
  'client_id': () => 'There is no such client here: postern client list shows those that there are.',
  'enabled': (_refused, { id }) =>
    `The client is disabled, so it gets nothing. If it shall work again: postern client enable ${id}`,
  'allowed_groups': (_refused, { id }) =>
    `The app is for people of some roles and groups alone (allowed_roles, allowed_groups). Add the person to one of them, or let others use it: postern client update ${id} --allow-group <group>, which takes all of them.`,
  'client_secret': (_refused, { id }) =>
    `The app has another secret than this client. A new one: postern client rotate-secret ${id}`,
  'client_assertion': () =>
    'Look at what the assertion says: iss and sub are the client_id, aud is the issuer, exp is at hand, jti is new each time; and at the key: the one of the jwks that the client has here.',
  'token_endpoint_auth_method': (_refused, { id, metadata }) => {
    const { token_endpoint_auth_method: method = 'client_secret_basic' } = metadata;
    return `The client authenticates by ${String(method)}: set the app to that, or change it: postern client update ${id} --auth-method <method>`;
  },
  'client certificate': () =>
    'The proxy must hand over the certificate that the client is registered with (mtls in the configuration).',
  'Authorization': () => 'Send the credentials in one place alone, as RFC 6749 section 2.3 has it.',
  'code_challenge': () => 'Switch PKCE with S256 on in the library of the app.',
  'code_challenge_method': () => 'S256 is the one method that there is; plain protects nothing.',
  'code_verifier': () =>
    'The verifier of another login came, or none: the app has to keep it by state until the person is back, also with two tabs.',
  'code': () =>
    'A code serves once, within a minute, for the client that it was given to. The app must redeem it once and follow no callback twice.',
  'refresh_token': () =>
    'It was used before, has expired, or its login has ended. Keep the refresh token of the newest reply alone, and have the person sign in again.',
  'device_code': () => 'Begin anew: the code has expired, was used, or is of another client.',
  'scope': (_refused, { id, metadata }) => {
    const { scope } = metadata;
    return typeof scope === 'string'
      ? `The client may ask for ${scope}. Ask for less, or allow more: postern client update ${id} --scope …, which takes all of them.`
      : 'No API here has this scope: postern api list shows what there is.';
  },
  'resource': () => 'No API here has this identifier: postern api list shows those that there are.',
  'grant_type': (_refused, { id, metadata }) =>
    `The client may use ${list(metadata['grant_types']).join(', ') || 'authorization_code'}; more with postern client update ${id} --grant …, which takes all of them.`,
  'response_type': () => 'Use the code flow: response_type=code. There is no implicit and no hybrid flow.',
  'Origin': (_refused, { id }) =>
    `Browsers may call from the origins of the redirect URIs. One more: postern client update ${id} --cors-origin <origin>`,
  'DPoP': () =>
    'Look at the DPoP proof: htm, htu, iat, a jti that is new each time, and the same key throughout.',
  'Content-Type': () => 'Send parameters as application/x-www-form-urlencoded, client metadata as JSON.',
  'request_uri': () => 'Push the request anew for each login: its request_uri serves once, within a minute.',
  'login_required:prompt': () =>
    'With prompt=none nobody is asked: the app shows its own sign-in and sends the person without prompt=none.',
  'access_denied': () =>
    'The person, or a rule of theirs, said no. The app should say so and offer to try again.',
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
    ? `Compare the request with what the client has: postern client show ${client.id}`
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
