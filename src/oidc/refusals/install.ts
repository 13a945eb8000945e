import type { EventEmitter } from 'node:events';
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { Refusal } from '../../domain/refusals.ts';
import { EXTRA_METADATA, LIBRARY_METADATA } from '../clients/names.ts';
import type { Override } from '../overrides/override.ts';
import { accountIdOf, clientIdOf, describeRefusal, endpointOf, sentencesOf } from './describe.ts';
import { parameterAtFault } from './parameters.ts';

const METADATA = new Set<string>([...LIBRARY_METADATA, ...EXTRA_METADATA, 'client_secret']);

/** Messages of the library about metadata that is invalid in any configuration. */
function refusalOfMetadata({ Client }: Provider): errors.OIDCProviderError {
  try {
    void new (Client as unknown as new (metadata: object) => object)({ client_id: 'a', redirect_uris: 'b' });
  } catch (error) {
    if (error instanceof errors.OIDCProviderError) return error;
  }
  throw new Error('metadata that cannot be is not refused as it was');
}

const named = (error: string, refusal: errors.OIDCProviderError): string | null =>
  parameterAtFault({ error, sentences: sentencesOf(refusal), grantType: undefined, authMethod: undefined });

/**
 * The library neither names the parameter at fault nor has a hook for it; only its messages tell. This parses some of them, and
 * looks for the detail that clients do not get.
 * @throws Error when one is not understood any more.
 */
export function checkSentences(provider: Provider): void {
  const ofMetadata = refusalOfMetadata(provider);
  if (!METADATA.has(named('invalid_client_metadata', ofMetadata) ?? ''))
    throw new Error(`"${ofMetadata.error_description}" does not begin with a property any more`);
  const samples: [errors.OIDCProviderError, string][] = [
    [new errors.InvalidRedirectUri(), 'redirect_uri'],
    [new errors.InvalidTarget(), 'resource'],
    [new errors.UnsupportedGrantType(), 'grant_type'],
    [new errors.UnsupportedResponseType(), 'response_type'],
    [new errors.UnsupportedResponseMode(), 'response_mode'],
  ];
  for (const [refusal, parameter] of samples)
    // Without the code, which would decide by itself.
    if (named('', refusal) !== parameter)
      throw new Error(`"${refusal.error_description}" does not name ${parameter} any more`);
  if (new errors.InvalidGrant('why').error_detail !== 'why')
    throw new Error('error_detail is not there any more');
}

/** A refused request and its client. */
export interface Refused extends Refusal {
  clientId: string | null;
  /** Whether the client exists. */
  isKnown: boolean;
  /** The person whose request it was, if known. */
  accountId: string | undefined;
}

/** The library's events, except those of pages where people type codes. */
const EVENTS =
  `authorization grant pushed_authorization_request device_authorization backchannel_authentication
  introspection revocation userinfo end_session registration_create registration_read registration_update
  registration_delete`.split(/\s+/);

/** Errors that are ordinary protocol steps (RFC 8628 section 3.5, RFC 9449 section 8). */
const NO_REFUSALS = new Set(['authorization_pending', 'slow_down', 'use_dpop_nonce']);

interface Reply {
  error?: unknown;
  error_description?: string;
}

/** Reports each refused request once, in the words of the reply. Install it before all others. */
function installRefusals(provider: Provider, refused: (refusal: Refused) => void): void {
  const failed = new WeakMap<object, errors.OIDCProviderError>();
  const emitter: EventEmitter = provider;
  for (const name of EVENTS)
    emitter.on(`${name}.error`, (ctx: KoaContextWithOIDC, error: errors.OIDCProviderError) =>
      failed.set(ctx, error),
    );

  /** Replies of layers around the library, for which the library emits no event. */
  const fromReply = (ctx: KoaContextWithOIDC): errors.OIDCProviderError | undefined => {
    const { error, error_description: description } = (ctx.body ?? {}) as Reply;
    const isRefusal = ctx.status >= 400 && ctx.status < 500 && endpointOf(ctx) !== null;
    return isRefusal && typeof error === 'string'
      ? new errors.CustomOIDCProviderError(error, description ?? '')
      : undefined;
  };

  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    await next();
    const failure = failed.get(ctx) ?? fromReply(ctx);
    if (!failure || NO_REFUSALS.has(failure.error)) return;
    const client = clientIdOf(ctx);
    const refusal = describeRefusal(ctx, failure);
    // A layer around the library may have replaced the code.
    const { error } = (ctx.body ?? {}) as Reply;
    refused({
      ...refusal,
      error: typeof error === 'string' ? error : refusal.error,
      clientId: client?.id ?? null,
      isKnown: client?.isKnown ?? false,
      accountId: accountIdOf(ctx),
    });
  });
}

export const refusals: Override<{ events: { refused(refused: Refused): void } }> = {
  name: 'refusals',
  why: 'the library tells its log why a request was refused, and the client little: in sentences, with no name of a parameter',
  provenFor: '9.13.x',
  upstream: null,
  check: checkSentences,
  install: (provider, { events }) => installRefusals(provider, (refused) => events.refused(refused)),
};
