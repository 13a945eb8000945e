import { LRUCache } from 'lru-cache';
import * as client from 'openid-client';
import type { Upstream } from '../config/index.ts';
import { isOAuthOnly } from './identity.ts';

/** Milliseconds that what a provider says of itself is kept. */
const KEPT = 3_600_000;

/** Seconds that its clock may differ from ours. */
export const CLOCK_TOLERANCE = 10;

export type Connection = client.Configuration;

/** What is known of each provider: its metadata, and within it its keys. @param fetch asks addresses that are allowed. */
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
      // Whether an address may be called, over http as well, is for `fetch` to say.
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
