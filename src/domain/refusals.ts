import type { Clock } from '../core/clock.ts';
import { sha256 } from '../core/ids.ts';
import type { Logger } from '../core/logger.ts';
import { createPeriodicWriter, type PeriodicWriter } from '../core/periodic-writer.ts';
import { isLoopbackHostname } from '../core/network.ts';
import type { RefusalRow, RefusalStore } from '../storage/refusals.ts';

type Refused = Pick<RefusalRow, 'endpoint' | 'error' | 'parameter' | 'value' | 'reason'>;

/** The client whose request it was, as far as advice depends on it. */
export interface AdvisedClient {
  id: string;
  metadata: Record<string, unknown>;
}

const list = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

/** A word of a command line; quoted where a shell would make something else of it. */
const word = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/**
 * How the app may come back to `uri`. A command that adds it is written out only for an address that the client could
 * have anyway: strangers choose what is refused, and theirs must not be one paste away from being trusted.
 */
function addAddress(option: string, registered: string[], uri: string | null, id: string): string {
  const has = `It has ${registered.length === 0 ? 'none' : registered.join(', ')}.`;
  const host = URL.parse(uri ?? '')?.hostname ?? '';
  const isOwn = isLoopbackHostname(host) || registered.some((one) => URL.parse(one)?.hostname === host);
  if (uri === null || host === '' || !isOwn)
    return `${has} The app must send one of these, to the letter; one that is missing is added with postern client update ${id} ${option}, which takes all of them.`;
  const all = [...registered, uri].map((one) => `${option} ${word(one)}`).join(' ');
  return `${has} Send one of these, to the letter, or add it: postern client update ${id} ${all}`;
}

type Advice = (refused: Refused, client: AdvisedClient) => string;

/** Advice by `error:parameter`, or by either. */
const ADVICE: Record<string, Advice> = {
  'redirect_uri': ({ endpoint, value }, { id, metadata }) =>
    endpoint === 'token'
      ? 'Send the redirect_uri of the authorization request in the token request too, to the letter.'
      : addAddress('--redirect-uri', list(metadata['redirect_uris']), value, id),
  'post_logout_redirect_uri': ({ value }, { id, metadata }) =>
    addAddress('--post-logout-redirect-uri', list(metadata['post_logout_redirect_uris']), value, id),
  'client_id': () => 'There is no such client here: postern client list shows those that there are.',
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
};

/** Advice on a refusal for operators and developers, in English. */
export function adviceOn(refused: Refused, client: AdvisedClient): string {
  const { error, parameter } = refused;
  const advice = ADVICE[`${error}:${parameter}`] ?? ADVICE[parameter ?? ''] ?? ADVICE[error];
  return (
    advice?.(refused, client) ??
    `Compare the request with what the client has: postern client show ${client.id}`
  );
}

/** A request that was refused: text alone, of bounded length, without a secret and without control characters. */
export interface Refusal {
  /** Which endpoint, as discovery has it, without `_endpoint`. */
  endpoint: string;
  /** The OAuth error code. */
  error: string;
  /** What of the request was wrong: a parameter, a header, a property of the client's metadata. */
  parameter: string | null;
  /** Its value, unless it is a secret. */
  value: string | null;
  /** The precise reason, which the client is not always told. */
  reason: string;
  /** The request's X-Request-Id. */
  requestId: string;
}

/** The latest refusals of each client, for whoever connects it. */
export interface Refusals extends PeriodicWriter {
  /** Records one in memory. */
  note(clientId: string, refusal: Refusal): void;
  /** A client's, the latest first, of all processes. */
  list(clientId: string): Promise<RefusalRow[]>;
}

/** Milliseconds between two writes. */
const INTERVAL = 1_000;
/** What waits to be written is made by strangers: so many kinds of it, and so many of each, the latest. */
const MOST = { kinds: 500, alike: 5 };

const kindOf = (clientId: string, { endpoint, error, parameter }: Refusal): string =>
  JSON.stringify([clientId, endpoint, error, parameter]);

const fingerprintOf = ({ endpoint, error, parameter, value, reason }: Refusal): string =>
  sha256(JSON.stringify([endpoint, error, parameter, value, reason]));

export function createRefusals({
  store,
  clock,
  logger,
}: {
  store: RefusalStore;
  clock: Clock;
  logger: Logger;
}): Refusals {
  /** By kind, then by fingerprint, the latest last. */
  let waiting = new Map<string, Map<string, RefusalRow>>();

  async function write(): Promise<void> {
    if (waiting.size === 0) return;
    const rows = [...waiting.values()].flatMap((alike) => [...alike.values()]);
    waiting = new Map();
    await store.add(rows);
  }

  return {
    note(clientId, refusal) {
      const kind = kindOf(clientId, refusal);
      const alike = waiting.get(kind) ?? new Map<string, RefusalRow>();
      if (alike.size === 0 && waiting.size >= MOST.kinds) return;
      waiting.set(kind, alike);
      const fingerprint = fingerprintOf(refusal);
      const lastAt = new Date(clock.now());
      const { count = 0, firstAt = lastAt } = alike.get(fingerprint) ?? {};
      alike.delete(fingerprint);
      const [oldest] = alike.keys();
      if (alike.size >= MOST.alike && oldest !== undefined) alike.delete(oldest);
      alike.set(fingerprint, { clientId, fingerprint, ...refusal, count: count + 1, firstAt, lastAt });
    },
    list: (clientId) => store.list(clientId),
    ...createPeriodicWriter(INTERVAL, write, (error) =>
      // Losing some is acceptable: the log has them too.
      logger.warn({ err: error }, 'refusals were not written'),
    ),
  };
}
