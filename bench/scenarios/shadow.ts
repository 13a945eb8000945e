import { expectStatus } from '../client/connection.ts';
import type { Scenario } from './scenario.ts';

/** A read-only request, which a shadow sends to both services. */
export const oldService: Scenario = async (_target, connection) => async () =>
  expectStatus(await connection.get('/api/v1/auth/health'), 200, 'the old service');
