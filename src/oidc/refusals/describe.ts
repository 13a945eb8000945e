import type { errors, KoaContextWithOIDC } from 'oidc-provider';
import { isUuid } from '../../core/ids.ts';
import { oneLine } from '../../core/text.ts';
import { adviceOn } from '../../domain/refusal-advice.ts';
import type { Refusal } from '../../domain/refusals.ts';
import { disabledClientOf } from '../clients/registry.ts';
import { parameterAtFault } from './parameters.ts';

/** Help for the developer of an app whose request was refused. */
export interface DeveloperHelp {
  parameter: string | null;
  value: string | null;
  reason: string;
  /** What to do; null where nothing is known about the client. */
  advice: string | null;
  /** Null for an unknown client. */
  clientId: string | null;
}

/** @returns undefined for a failure that is not the app's. */
export function developerHelp(ctx: KoaContextWithOIDC, error: Error): DeveloperHelp | undefined {
  const refused = error as errors.OIDCProviderError;
  if (!refused.expose) return undefined;
  const refusal = describeRefusal(ctx, refused);
  const { client } = ctx.oidc;
  const known = client && { id: client.clientId, metadata: { ...client.metadata() } };
  const { parameter, value, reason } = refusal;
  const advice =
    known || parameter === 'client_id' ? adviceOn(refusal, known ?? { id: '', metadata: {} }) : null;
  return { parameter, value, reason, advice, clientId: known?.id ?? null };
}

/** Maximum length of a reason and of a value. */
const MAX_LENGTHS = { reason: 400, value: 200, id: 100 };

/** The library's error. The client gets the description; `error_detail` is internal. */
type Refused = Pick<errors.OIDCProviderError, 'error' | 'error_description' | 'error_detail' | 'cause'> & {
  scope?: string;
};

/** Parameter values known from specifications. Any other value could be a secret. */
const WORDS: Record<string, string> = {
  response_type: 'code token id_token none',
  response_mode:
    'query fragment form_post web_message jwt query.jwt fragment.jwt form_post.jwt web_message.jwt',
  grant_type: `password implicit authorization_code refresh_token client_credentials
    urn:ietf:params:oauth:grant-type:device_code urn:openid:params:grant-type:ciba
    urn:ietf:params:oauth:grant-type:jwt-bearer urn:ietf:params:oauth:grant-type:saml2-bearer
    urn:ietf:params:oauth:grant-type:token-exchange`,
  prompt: 'none login consent select_account create',
  code_challenge_method: 'plain S256',
};

/** RFC 6749 section 3.3: names of scopes, up to a maximum. */
const SCOPES = /^[\x21\x23-\x5b\x5d-\x7e]{1,64}(?: [\x21\x23-\x5b\x5d-\x7e]{1,64}){0,9}$/;

/** A URL without userinfo, query and fragment, which may hold secrets. */
function address(value: string): string | null {
  const url = URL.parse(value);
  if (!url) return null;
  const { protocol, host, pathname } = url;
  return `${protocol}${host === '' ? '' : `//${host}`}${pathname}`;
}

function shown(parameter: string | null, value: unknown): string | null {
  if (parameter === null || typeof value !== 'string') return null;
  if (['redirect_uri', 'post_logout_redirect_uri', 'resource'].includes(parameter)) return address(value);
  if (parameter === 'scope') return SCOPES.test(value) ? value : null;
  const words = WORDS[parameter]?.split(/\s+/) ?? [];
  return value.split(' ').every((word) => words.includes(word)) ? value : null;
}

/** The endpoints by their paths, as discovery has them, without `_endpoint`. */
const ENDPOINTS: Record<string, string> = {
  'authorize': 'authorization',
  'token': 'token',
  'par': 'pushed_authorization_request',
  'device_authorization': 'device_authorization',
  'bc-authorize': 'backchannel_authentication',
  'introspect': 'introspection',
  'revoke': 'revocation',
  'userinfo': 'userinfo',
  'register': 'registration',
  'logout': 'end_session',
};

/** The requested endpoint; null for pages and documents. */
export const endpointOf = ({ path }: Pick<KoaContextWithOIDC, 'path'>): string | null =>
  ENDPOINTS[/^\/oauth2\/([^/]+)/.exec(path)?.[1] ?? ''] ?? null;

/** Sentences about an error, most precise first. */
export function sentencesOf({
  error_description: description,
  error_detail: detail,
  cause,
}: Refused): string[] {
  // Parsers and decoders quote their input.
  const quotes = cause instanceof SyntaxError || cause instanceof RangeError;
  const precise = quotes ? 'it cannot be read' : detail;
  return [precise, description].filter((one) => one !== undefined && one !== '') as string[];
}

/** The cause of a refusal. */
export function describeRefusal(ctx: KoaContextWithOIDC, error: Refused): Refusal {
  const { client, params = {} } = ctx.oidc ?? {};
  const sentences = sentencesOf(error);
  const parameter = parameterAtFault({
    error: error.error,
    sentences,
    grantType: params['grant_type'],
    authMethod: client?.clientAuthMethod,
  });
  const value = shown(
    parameter,
    parameter === 'scope' ? (error.scope ?? params['scope']) : params[parameter ?? ''],
  );
  return {
    endpoint: endpointOf(ctx) ?? 'device',
    error: error.error,
    parameter,
    value: value === null ? null : oneLine(value, MAX_LENGTHS.value),
    reason: oneLine([...new Set(sentences.toReversed())].join(': '), MAX_LENGTHS.reason),
    requestId: ctx.get('X-Request-Id'),
  };
}

/**
 * The client of a request. For an unknown client only harmless text is kept: people also type secrets into the client_id field.
 */
export function clientIdOf(ctx: KoaContextWithOIDC): { id: string; isKnown: boolean } | null {
  const { client, params, route } = ctx.oidc ?? {};
  const known = client?.clientId ?? disabledClientOf(ctx);
  if (known !== undefined) return { id: known, isKnown: true };
  const asked = params?.['client_id'];
  if (typeof asked !== 'string' || asked === '') return null;
  const isPublic = route === 'authorization' || route === 'end_session' || isUuid(asked);
  return isPublic ? { id: oneLine(asked, MAX_LENGTHS.id), isKnown: false } : null;
}

/** The person of a request: by the presented grant, else by the browser's session. */
export function accountIdOf(ctx: KoaContextWithOIDC): string | undefined {
  const { entities, session } = ctx.oidc ?? {};
  const candidates = [
    entities?.Account,
    entities?.RefreshToken,
    entities?.AuthorizationCode,
    entities?.DeviceCode,
    entities?.BackchannelAuthenticationRequest,
    session,
  ];
  return candidates.find((one) => one?.accountId !== undefined)?.accountId;
}
