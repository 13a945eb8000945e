import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { isDomainError } from '../core/errors.ts';

/** Length limits of values that are opaque to us. Some frameworks seal their own state in `state`. */
const MAX_LENGTHS = { state: 1_024, nonce: 256 } as const;

/**
 * Maximum bytes of a stored request before sign-in: from anybody, and from an authenticated client, which signed it, pushed it
 * (RFC 9126) or sent it directly. With the store's overhead, a request from anybody takes less than 2 KB.
 */
const MAX_REQUEST_BYTES = { anybody: 1_392, client: 4_096 };

const AUTHENTICATED = new Set([
  'pushed_authorization_request',
  'device_authorization',
  'backchannel_authentication',
]);

/** Whether the client was authenticated for this request. */
function isFromClient({ oidc }: KoaContextWithOIDC): boolean {
  if (oidc.trusted?.length) return true;
  return AUTHENTICATED.has(oidc.route) && oidc.client?.clientAuthMethod !== 'none';
}

/**
 * Bounds an authorization request in any form before it is stored to await a person.
 * @throws InvalidRequest.
 */
export function checkRequestSize(ctx: KoaContextWithOIDC): void {
  // The hint is checked on arrival and not stored.
  const { id_token_hint: _hint, ...params } = ctx.oidc.params ?? {};
  for (const [name, maxLength] of Object.entries(MAX_LENGTHS)) {
    const value = params[name];
    if (typeof value === 'string' && value.length > maxLength)
      throw new errors.InvalidRequest(`${name} must not be longer than ${maxLength} characters`);
  }
  const size = Buffer.byteLength(JSON.stringify(params));
  const limit = isFromClient(ctx) ? MAX_REQUEST_BYTES.client : MAX_REQUEST_BYTES.anybody;
  if (size > limit)
    throw new errors.InvalidRequest(
      `the request takes ${size} bytes, more than ${limit}: push it as an authenticated client`,
    );
}

/** Too many requests, as an OAuth error (RFC 6585 section 4, RFC 6749 section 4.1.2.1). */
export class TooMany extends errors.OIDCProviderError {
  /** Seconds. */
  readonly retryAfter: number;
  /** The limit itself logs and answers it. */
  override allow_redirect = false;

  constructor(retryAfter: number, options?: ErrorOptions) {
    super(429, 'temporarily_unavailable', options);
    this.error_description = 'too many requests; try again later';
    this.retryAfter = retryAfter;
  }
}

/** Runs `work`. A rate limit that it reaches becomes `TooMany`, with Retry-After on the reply. */
export async function orTooMany<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isDomainError(error, 'rate_limited')) throw error;
    const { retryAfter = 60 } = error.details;
    Provider.ctx?.set('Retry-After', String(retryAfter));
    throw new TooMany(retryAfter, { cause: error });
  }
}
