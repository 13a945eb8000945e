// raw-sql: one statement adds a batch to what other nodes write.
import type { Pool } from 'pg';
import { recordOf, type RecordOf } from './models/define.ts';
import { AccountRefusal, Refusal } from './models/observations.ts';

const record = recordOf(Refusal, 'expiresAt');
const personal = recordOf(AccountRefusal, 'expiresAt');

/** A refusal to a client, once or more often. */
export type RefusalRow = RecordOf<typeof record>;

/** A refusal to a client that asked for a person. */
export type AccountRefusalRow = RecordOf<typeof personal>;

export interface RefusalStore {
  /** Adds up equal ones; keeps the latest few per client. Unknown clients are skipped. */
  add(rows: RefusalRow[]): Promise<void>;
  /** A client's, latest first. */
  list(clientId: string): Promise<RefusalRow[]>;
  /** The same by person; unknown people are skipped. */
  addPersonal(rows: AccountRefusalRow[]): Promise<void>;
  /** A person's, latest first. */
  listPersonal(accountId: string): Promise<AccountRefusalRow[]>;
}

/** Maximum per client or person, and of those that differ only in the value, so that made-up values do not push out others. */
const MAX_PER_SUBJECT = 20;
const MAX_ALIKE = 5;

interface Table {
  name: string;
  /** Whose refusals are counted together. */
  owner: 'client_id' | 'account_id';
  /** Its own columns, with the names that the rows have in JSON and what those must refer to. */
  columns: string;
  values: string;
  types: string;
  existing: string;
  key: string;
}

const OF_CLIENTS: Table = {
  name: 'refusals',
  owner: 'client_id',
  columns: 'client_id',
  values: 'n."clientId"',
  types: '"clientId" text',
  existing: 'join clients c on c.id = n."clientId"',
  key: 'client_id, fingerprint',
};
const OF_ACCOUNTS: Table = {
  name: 'account_refusals',
  owner: 'account_id',
  columns: 'account_id, client_id',
  values: 'n."accountId", n."clientId"',
  types: '"accountId" uuid, "clientId" text',
  existing: 'join clients c on c.id = n."clientId" join users u on u.id = n."accountId"',
  key: 'account_id, client_id, fingerprint',
};

const adding = ({ name, columns, values, types, existing, key }: Table): string =>
  `insert into ${name} as r
    (${columns}, fingerprint, endpoint, error, parameter, value, reason, count, first_at, last_at, request_id, expires_at)
  select ${values}, n.fingerprint, n.endpoint, n.error, n.parameter, n.value, n.reason, n.count, n."firstAt",
    n."lastAt", n."requestId", now() + interval '30 days'
  from jsonb_to_recordset($1) as n(${types}, fingerprint text, endpoint text, error text, parameter text,
      value text, reason text, count bigint, "firstAt" timestamptz, "lastAt" timestamptz, "requestId" text)
    ${existing}
  order by ${values}, n.fingerprint
  on conflict (${key}) do update
  set count = r.count + excluded.count, last_at = excluded.last_at, request_id = excluded.request_id,
    expires_at = excluded.expires_at`;

const trimming = ({ name, owner, key }: Table): string => `with alike as (
    select ${key}, last_at,
      row_number() over (partition by ${owner}, client_id, endpoint, error, parameter order by last_at desc) as nth
    from ${name} where ${owner} = any ($1)
  ), kept as (
    select ${key}, row_number() over (partition by ${owner} order by last_at desc) as nth
    from alike where nth <= ${MAX_ALIKE}
  )
  delete from ${name} where ${owner} = any ($1)
    and (${key}) not in (select ${key} from kept where nth <= ${MAX_PER_SUBJECT})`;

const [ADD, ADD_PERSONAL] = [adding(OF_CLIENTS), adding(OF_ACCOUNTS)];
const [TRIM, TRIM_PERSONAL] = [trimming(OF_CLIENTS), trimming(OF_ACCOUNTS)];

/** What was refused to clients and people, in PostgreSQL. */
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
        limit: MAX_PER_SUBJECT,
      });
      return found.map(record.from);
    },
    async addPersonal(rows) {
      await pool.query(ADD_PERSONAL, [JSON.stringify(rows)]);
      await pool.query(TRIM_PERSONAL, [[...new Set(rows.map(({ accountId }) => accountId))]]);
    },
    async listPersonal(accountId) {
      const found = await AccountRefusal.findAll({
        attributes: personal.attributes,
        where: { accountId },
        order: [['lastAt', 'DESC']],
        limit: MAX_PER_SUBJECT,
      });
      return found.map(personal.from);
    },
  };
}
