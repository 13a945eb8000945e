// raw-sql: one statement claims a token, and counts add up.
import type { Attributes, CreationAttributes } from 'sequelize';
import { recordOf, type RecordOf } from './models/define.ts';
import { OldRefreshToken, type OldTokenUse } from './models/old-tokens.ts';
import type { Executor } from './postgres/executor.ts';
import type { Tx } from './postgres/transaction.ts';

const refreshToken = recordOf(OldRefreshToken);

export type OldRefreshTokenRecord = RecordOf<typeof refreshToken>;
export type OldTokenUseRow = Attributes<OldTokenUse>;

type NewOldToken = Omit<CreationAttributes<OldRefreshToken>, 'usedAt' | 'exchanged' | 'createdAt'>;

/** An account that an old service's token may belong to, and up to when such tokens have ended. */
export interface OldTokenOwner {
  accountId: string;
  endedAt: Date | null;
}

/** Legacy tokens, in PostgreSQL. */
export interface OldTokenStore {
  /** @returns how many were new. */
  put(rows: readonly NewOldToken[]): Promise<number>;
  find(door: string, hashes: readonly string[]): Promise<OldRefreshTokenRecord | null>;
  /** Redeems a token. Of concurrent attempts one succeeds. */
  claim(row: NewOldToken, at: Date): Promise<boolean>;
  /** Undoes a redemption. */
  unclaim(door: string, hash: string): Promise<void>;
  /** Records what it was exchanged for. */
  exchanged(door: string, hash: string, token: string): Promise<void>;
  /** The accounts with this id at `source`, or at any source when null. */
  owners(sourceId: string, source: string | null): Promise<OldTokenOwner[]>;
  /** Ends an account's tokens up to `at`. */
  end(accountId: string, at: Date, tx?: Tx): Promise<void>;
  addUses(rows: readonly OldTokenUseRow[]): Promise<void>;
  /** @param since the first day. */
  uses(since: string): Promise<OldTokenUseRow[]>;
  /** Number of unused, unexpired opaque refresh tokens by door. */
  unused(now: Date): Promise<{ door: string; count: number }[]>;
}

const OWNERS = `select imported.account_id as "accountId", max(ended_at) as "endedAt"
  from imported_accounts as imported left join old_token_endings as ending on ending.account_id = imported.account_id
  where source_id = $1 and ($2::text is null or source = $2)
  group by imported.account_id limit 2`;

const END = `insert into old_token_endings (account_id, ended_at) select id, $2 from users where id = $1
  on conflict (account_id) do update set ended_at = greatest(old_token_endings.ended_at, excluded.ended_at)`;

const CLAIM = `insert into old_refresh_tokens as token (door, hash, source, source_id, issued_at, expires_at, used_at)
  values ($1, $2, $3, $4, $5, $6, $7)
  on conflict (door, hash) do update set used_at = excluded.used_at where token.used_at is null
  returning hash`;

const PUT = `insert into old_refresh_tokens (door, hash, source, source_id, issued_at, expires_at)
  select * from jsonb_to_recordset($1) as r(door text, hash text, source text, "sourceId" text,
    "issuedAt" timestamptz, "expiresAt" timestamptz)
  on conflict do nothing returning hash`;

const ADD_USES = `insert into old_token_uses as u (door, kind, day, uses, last_used_at)
  select * from jsonb_to_recordset($1)
    as r(door text, kind text, day date, uses bigint, "lastUsedAt" timestamptz)
  order by door, kind, day
  on conflict (door, kind, day) do update
  set uses = u.uses + excluded.uses, last_used_at = greatest(u.last_used_at, excluded.last_used_at)`;

const UNUSED = `select door, count(*)::int as count from old_refresh_tokens
  where used_at is null and (expires_at is null or expires_at > $1) group by door order by door`;

export const createOldTokenStore = (pool: Executor): OldTokenStore => ({
  async put(rows) {
    return (await pool.query(PUT, [JSON.stringify(rows)])).rows.length;
  },
  async find(door, hashes) {
    const found = await OldRefreshToken.findOne({ where: { door, hash: [...hashes] } });
    return found && refreshToken.from(found);
  },
  async claim({ door, hash, source, sourceId, issuedAt, expiresAt }, at) {
    const values = [door, hash, source ?? null, sourceId, issuedAt ?? null, expiresAt ?? null, at];
    return (await pool.query(CLAIM, values)).rows.length === 1;
  },
  async unclaim(door, hash) {
    await OldRefreshToken.update({ usedAt: null }, { where: { door, hash, exchanged: null } });
  },
  async exchanged(door, hash, token) {
    await OldRefreshToken.update({ exchanged: token }, { where: { door, hash } });
  },
  async owners(sourceId, source) {
    return (await pool.query<OldTokenOwner>(OWNERS, [sourceId, source])).rows;
  },
  async end(accountId, at, tx) {
    await (tx ?? pool).query(END, [accountId, at]);
  },
  async addUses(rows) {
    await pool.query(ADD_USES, [JSON.stringify(rows)]);
  },
  async uses(since) {
    const { rows } = await pool.query<OldTokenUseRow>(
      `select door, kind, day, uses, last_used_at as "lastUsedAt" from old_token_uses where day >= $1
        order by day desc, door, kind`,
      [since],
    );
    return rows;
  },
  async unused(now) {
    return (await pool.query<{ door: string; count: number }>(UNUSED, [now])).rows;
  },
});
