// raw-sql: a batch adds up with what other nodes write, in one statement.
import type { Pool } from 'pg';
import { recordOf, type RecordOf } from './models/define.ts';
import { Refusal } from './models/observations.ts';

const record = recordOf(Refusal, 'expiresAt');

/** What was refused to a client, once or more often. */
export type RefusalRow = RecordOf<typeof record>;

export interface RefusalStore {
  /** Adds up what is the same; keeps the latest few of each client. Clients that there are not have none. */
  add(rows: RefusalRow[]): Promise<void>;
  /** A client's, the latest first. */
  list(clientId: string): Promise<RefusalRow[]>;
}

/** Of one client; and of those alike the value alone, so that whoever makes up values pushes nothing else out. */
const MOST = 20;
const MOST_ALIKE = 5;

const ADD = `insert into refusals as r
    (client_id, fingerprint, endpoint, error, parameter, value, reason, count, first_at, last_at, request_id, expires_at)
  select n."clientId", n.fingerprint, n.endpoint, n.error, n.parameter, n.value, n.reason, n.count, n."firstAt",
    n."lastAt", n."requestId", now() + interval '30 days'
  from jsonb_to_recordset($1) as n("clientId" text, fingerprint text, endpoint text, error text, parameter text,
      value text, reason text, count bigint, "firstAt" timestamptz, "lastAt" timestamptz, "requestId" text)
    join clients c on c.id = n."clientId"
  order by n."clientId", n.fingerprint
  on conflict (client_id, fingerprint) do update
  set count = r.count + excluded.count, last_at = excluded.last_at, request_id = excluded.request_id,
    expires_at = excluded.expires_at`;

const TRIM = `with alike as (
    select client_id, fingerprint, last_at,
      row_number() over (partition by client_id, endpoint, error, parameter order by last_at desc) as nth
    from refusals where client_id = any ($1)
  ), kept as (
    select client_id, fingerprint, row_number() over (partition by client_id order by last_at desc) as nth
    from alike where nth <= ${MOST_ALIKE}
  )
  delete from refusals r where client_id = any ($1)
    and not exists (select from kept k
      where k.client_id = r.client_id and k.fingerprint = r.fingerprint and k.nth <= ${MOST})`;

/** What was refused to clients, in PostgreSQL. */
export function createRefusalStore(pool: Pool): RefusalStore {
  return {
    async add(rows) {
      await pool.query(ADD, [JSON.stringify(rows)]);
      await pool.query(TRIM, [[...new Set(rows.map(({ clientId }) => clientId))]]);
    },
    async list(clientId) {
      const found = await Refusal.findAll({
        attributes: record.attributes,
        where: { clientId },
        order: [['lastAt', 'DESC']],
        limit: MOST,
      });
      return found.map(record.from);
    },
  };
}
