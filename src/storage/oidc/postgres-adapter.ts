// raw-sql: a race; ending a grant and writing under it contend for the same rows.
import type { Pool } from 'pg';
import type { Clock } from '../../core/clock.ts';
import type { AdapterFactory } from './adapter.ts';
import { deviceCodes } from './device-codes.ts';
import { postgresGrants } from './postgres-grants.ts';
import { again, DEADLOCK_DETECTED, run } from './postgres-query.ts';
import { postgresRecords } from './postgres-records.ts';
import { postgresSessions } from './postgres-sessions.ts';
import { coalesce } from './record.ts';

const REVOKE = { name: 'oidc_records_revoke', text: 'delete from oidc_records where grant_id = $1' };

/** Every model of oidc-provider except Client, in PostgreSQL. */
export function postgresAdapters({
  pool,
  clock,
  endGrant,
}: {
  pool: Pool;
  clock: Clock;
  /** Ends a grant with everything issued under it. */
  endGrant: (grantId: string) => Promise<void>;
}): AdapterFactory {
  const revokeByGrantId = coalesce(async (grantId) => {
    // May deadlock with the deletion of the grant itself: whichever comes second finds nothing left.
    await again(DEADLOCK_DETECTED, () => run(pool, REVOKE, [grantId]));
  });
  const records = (model: string) => postgresRecords(model, { pool, clock, revokeByGrantId });
  return (model) => {
    if (model === 'Grant') return postgresGrants({ pool, clock, endGrant });
    if (model === 'Session') return postgresSessions({ pool, clock });
    if (model === 'DeviceCode') return deviceCodes(records(model), records('UserCode'));
    return records(model);
  };
}
