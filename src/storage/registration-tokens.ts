import type { Pool } from 'pg';
import { epochSeconds, type Clock } from '../core/clock.ts';
import { sha256 } from '../core/ids.ts';
import type { Tx } from './postgres/transaction.ts';

export interface RegistrationTokenRecord {
  /** The token's SHA-256, in hexadecimal so that none looks like an option to a shell: the token itself is not stored. */
  id: string;
  policy: string;
  createdAt: Date;
  expiresAt: Date;
}

export interface RegistrationTokenStore {
  create(token: { token: string; policy: string; expiresAt: Date }, tx: Tx): Promise<RegistrationTokenRecord>;
  /** Those that have not expired, newest first. */
  list(): Promise<RegistrationTokenRecord[]>;
  /** @returns whether there was one. */
  delete(id: string, tx: Tx): Promise<boolean>;
}

const MODEL = 'InitialAccessToken';

const COLUMNS = `id, payload->'policies'->>0 as policy, created_at as "createdAt", expires_at as "expiresAt"`;

const shown = (record: RegistrationTokenRecord): RegistrationTokenRecord => ({
  ...record,
  id: Buffer.from(record.id, 'base64url').toString('hex'),
});

/** Initial access tokens, among the records of oidc-provider, which reads them itself. */
export function createRegistrationTokenStore({
  pool,
  clock,
}: {
  pool: Pool;
  clock: Clock;
}): RegistrationTokenStore {
  return {
    async create({ token, policy, expiresAt }, tx) {
      const exp = Math.floor(expiresAt.getTime() / 1000);
      const payload = { kind: MODEL, iat: epochSeconds(clock), exp, policies: [policy] };
      const { rows } = await tx.query<RegistrationTokenRecord>(
        `insert into oidc_records (model, id, payload, expires_at) values ($1, $2, $3, $4) returning ${COLUMNS}`,
        [MODEL, sha256(token), JSON.stringify(payload), expiresAt],
      );
      const [record] = rows;
      if (!record) throw new Error('nothing was inserted');
      return shown(record);
    },
    async list() {
      const { rows } = await pool.query<RegistrationTokenRecord>(
        `select ${COLUMNS} from oidc_records where model = $1 and expires_at > to_timestamp($2::float8 / 1000)
         order by created_at desc, id`,
        [MODEL, clock.now()],
      );
      return rows.map(shown);
    },
    async delete(id, tx) {
      const { rows } = await tx.query('delete from oidc_records where model = $1 and id = $2 returning id', [
        MODEL,
        Buffer.from(id, 'hex').toString('base64url'),
      ]);
      return rows.length > 0;
    },
  };
}
