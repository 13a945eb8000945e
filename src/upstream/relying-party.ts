import { LRUCache } from 'lru-cache';
import * as client from 'openid-client';
import type { Upstream } from '../config/index.ts';
import { type Identity, identityOf, isOAuthOnly } from './identity.ts';
import { type Clock, epochSeconds } from '../core/clock.ts';
import { DomainError, isDomainError } from '../core/errors.ts';

/** Milliseconds to cache a provider's metadata. */
const KEPT = 3_600_000;

/** Tolerated clock difference in seconds. */
export const CLOCK_TOLERANCE = 10;

export type Connection = client.Configuration;

/** Caches each provider's metadata, with its keys. @param fetch reaches allowed addresses only. */
export function createConnections(
  fetch: typeof globalThis.fetch,
): (upstream: Upstream) => Promise<Connection> {
  const known = new LRUCache<string, Connection>({ max: 100, ttl: KEPT });
  const guarded: client.CustomFetch = (url, { body, method, headers, signal, redirect }) =>
    fetch(url, {
      method,
      headers,
      redirect,
      ...(body === undefined || body === null ? {} : { body: body as NonNullable<RequestInit['body']> }),
      ...(signal ? { signal } : {}),
    });

  const connect = async (upstream: Upstream): Promise<Connection> => {
    const { clientId, clientSecret, endpoints, issuer } = upstream;
    const metadata = { [client.clockTolerance]: CLOCK_TOLERANCE };
    if (endpoints && isOAuthOnly(upstream)) {
      const server = {
        issuer: new URL(endpoints.authorization).origin,
        authorization_endpoint: endpoints.authorization,
        token_endpoint: endpoints.token,
        userinfo_endpoint: endpoints.userinfo,
      };
      const connection = new client.Configuration(
        server,
        clientId,
        metadata,
        client.ClientSecretPost(clientSecret),
      );
      connection[client.customFetch] = guarded;
      // `fetch` decides whether an address may be called, also over http.
      client.allowInsecureRequests(connection);
      return connection;
    }
    return client.discovery(
      new URL(issuer ?? ''),
      clientId,
      metadata,
      client.ClientSecretBasic(clientSecret),
      {
        [client.customFetch]: guarded,
        execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
      },
    );
  };

  return async (upstream) => {
    const key = JSON.stringify(upstream);
    const connection = known.get(key) ?? (await connect(upstream));
    known.set(key, connection);
    return connection;
  };
}

/** A sign-in in progress, kept in a sealed cookie. */
export interface Flow {
  state: string;
  nonce: string;
  verifier: string;
  /** Seconds since the epoch: the person must have signed in there after this time; null for any time. */
  since: number | null;
}

export interface RelyingParty {
  /**
   * Builds the authorization URL of a new sign-in. @param again whether the provider must authenticate the person again; a
   * provider that supports only OAuth 2.0 cannot be asked to.
   * @throws DomainError upstream_unavailable.
   */
  begin(upstream: Upstream, again: boolean): Promise<{ url: string; flow: Flow }>;
  /** Fetches a provider's metadata again. @throws DomainError upstream_unavailable, upstream_failed. */
  probe(upstream: Upstream): Promise<void>;
  /**
   * The identity in the callback. Checks state, nonce, PKCE, issuer (RFC 9207) and signature.
   * @param query of the callback URL.
   * @throws DomainError upstream_denied, upstream_failed, upstream_unavailable.
   */
  finish(upstream: Upstream, flow: Flow, query: string): Promise<Identity>;
}

const SCOPES = { openid: ['openid', 'profile', 'email'], oauth: [] as string[] };

/** The library's error codes for no response or a malformed one. */
const OUTAGES = new Set(['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM', 'OAUTH_RESPONSE_IS_NOT_JSON']);

/** Maps the library's errors to domain errors. The provider's own words stay in the cause. */
function failure(error: unknown): never {
  if (isDomainError(error)) throw error;
  if (error instanceof client.AuthorizationResponseError) {
    const isBusy = error.error === 'temporarily_unavailable' || error.error === 'server_error';
    throw new DomainError(isBusy ? 'upstream_unavailable' : 'upstream_denied', {}, { cause: error });
  }
  const isOutage =
    !(error instanceof client.ClientError) &&
    !(error instanceof client.ResponseBodyError) &&
    !(error instanceof client.WWWAuthenticateChallengeError);
  const isSilent = error instanceof client.ClientError && OUTAGES.has(error.code ?? '');
  throw new DomainError(
    isOutage || isSilent ? 'upstream_unavailable' : 'upstream_failed',
    {},
    { cause: error },
  );
}

/** Signs people in at other providers, always by the authorization code flow with PKCE. */
export function createRelyingParty({
  publicUrl,
  clock,
  fetch,
}: {
  publicUrl: string;
  clock: Clock;
  fetch: typeof globalThis.fetch;
}): RelyingParty {
  const connections = createConnections(fetch);
  const redirectUri = (id: string) => `${publicUrl}/upstream/${id}/callback`;

  /** What the provider says about the owner of the token. */
  async function answerOf(
    upstream: Upstream,
    connection: Connection,
    tokens: Awaited<ReturnType<typeof client.authorizationCodeGrant>>,
  ): Promise<Record<string, unknown>> {
    if (isOAuthOnly(upstream)) {
      const { userinfo = '' } = upstream.endpoints ?? {};
      const reply = await client.fetchProtectedResource(
        connection,
        tokens.access_token,
        new URL(userinfo),
        'GET',
        null,
        new Headers({ 'accept': 'application/json', 'user-agent': 'Postern' }),
      );
      if (!reply.ok) throw new DomainError(reply.status >= 500 ? 'upstream_unavailable' : 'upstream_failed');
      const answer: unknown = await reply.json().catch(() => null);
      if (typeof answer !== 'object' || answer === null) throw new DomainError('upstream_failed');
      return { ...answer };
    }
    const claims = tokens.claims();
    if (!claims) throw new DomainError('upstream_failed');
    const isWhole = claims[upstream.claims.email] !== undefined;
    if (isWhole || connection.serverMetadata().userinfo_endpoint === undefined) return claims;
    return { ...(await client.fetchUserInfo(connection, tokens.access_token, claims.sub)), ...claims };
  }

  return {
    async probe(upstream) {
      await createConnections(fetch)(upstream).catch(failure);
    },
    async begin(upstream, again) {
      const connection = await connections(upstream).catch(failure);
      const scopes = upstream.scopes ?? SCOPES[isOAuthOnly(upstream) ? 'oauth' : 'openid'];
      const flow = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
        since: again ? epochSeconds(clock) : null,
      };
      const url = client.buildAuthorizationUrl(connection, {
        redirect_uri: redirectUri(upstream.id),
        state: flow.state,
        code_challenge: await client.calculatePKCECodeChallenge(flow.verifier),
        code_challenge_method: 'S256',
        ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
        ...(isOAuthOnly(upstream) ? {} : { nonce: flow.nonce, ...(again ? { max_age: '0' } : {}) }),
      });
      return { url: url.href, flow };
    },
    async finish(upstream, { state, nonce, verifier, since }, query) {
      try {
        const connection = await connections(upstream);
        const isOpenId = !isOAuthOnly(upstream);
        const tokens = await client.authorizationCodeGrant(
          connection,
          new URL(`${redirectUri(upstream.id)}?${query}`),
          {
            expectedState: state,
            pkceCodeVerifier: verifier,
            ...(isOpenId ? { expectedNonce: nonce, idTokenExpected: true } : {}),
          },
        );
        // Some providers ignore max_age; check auth_time where it is present.
        const at = tokens.claims()?.auth_time;
        if (since !== null && at !== undefined && at < since - CLOCK_TOLERANCE)
          throw new DomainError('upstream_failed');
        const { issuer } = connection.serverMetadata();
        const identity = identityOf(upstream, issuer, await answerOf(upstream, connection, tokens));
        if (!identity) throw new DomainError('upstream_failed');
        return identity;
      } catch (error) {
        return failure(error);
      }
    },
  };
}
