import { expectStatus } from '../client/connection.ts';
import { endpoints, type Scenario } from './scenario.ts';

const document =
  (path: string): Scenario =>
  async (_target, connection) =>
  async () =>
    expectStatus(await connection.get(path), 200, path);

/**
 * The documents that relying parties fetch: the JWK Set (RFC 7517) and the provider metadata (OpenID Connect
 * Discovery).
 */
export const jwks = document(endpoints.jwks);
export const discovery = document(endpoints.discovery);
