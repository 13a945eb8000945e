import { expectStatus } from '../client/connection.ts';
import { endpoints, type Scenario } from './scenario.ts';

const document =
  (path: string): Scenario =>
  async (_target, connection) =>
  async () =>
    expectStatus(await connection.get(path), 200, path);

/** What every relying party fetches: the keys (RFC 7517) and the provider's metadata (OpenID Connect Discovery). */
export const jwks = document(endpoints.jwks);
export const discovery = document(endpoints.discovery);
