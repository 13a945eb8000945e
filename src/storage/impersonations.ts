// raw-sql: one of parallel uses of a link succeeds; queries join the sessions that an impersonation depends on.
import type { Pool } from 'pg';
import { Op } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import { isUuid, newUuid } from '../core/ids.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import { Impersonation } from './models/impersonation.ts';
import type { Tx } from './postgres/transaction.ts';
import { livingSession } from './sessions.ts';

const record = recordOf(Impersonation, 'tokenHash', 'tokenExpiresAt');

/** An impersonation, requested or under way. */
export type ImpersonationRecord = RecordOf<typeof record>;

type NewImpersonation = Pick<
  ImpersonationRecord,
  'operatorId' | 'subjectId' | 'reason' | 'asked' | 'expiresAt'
>;

export interface Impersonations {
  create(values: NewImpersonation, tx: Tx): Promise<ImpersonationRecord>;
  /** An operator's latest impersonation of a person that was requested since `since` and has not begun, locked. */
  lockAsked(operatorId: string, subjectId: string, since: Date, tx: Tx): Promise<ImpersonationRecord | null>;
  /** Those that await a person's answer, oldest first. */
  waiting(subjectId: string): Promise<ImpersonationRecord[]>;
  /** Records a person's answer, once. @returns the impersonation; null when it awaits none. */
  answer(
    subjectId: string,
    id: string,
    answer: { approved: boolean; expiresAt: Date },
    tx: Tx,
  ): Promise<ImpersonationRecord | null>;
  /** Replaces its link. @param hash of the new token. */
  setToken(id: string, hash: string, expiresAt: Date, tx: Tx): Promise<void>;
  /** Begins the operator's impersonation that the token belongs to. Of concurrent attempts one succeeds. */
  begin(
    hash: string,
    operatorId: string,
    values: { session: string; expiresAt: Date },
    tx: Tx,
  ): Promise<ImpersonationRecord | null>;
  /** One that has begun, and whether it and the operator are still signed in; null when there is none. */
  find(id: string): Promise<(ImpersonationRecord & { isSignedIn: boolean }) | null>;
  /** Records its end. @returns the impersonation; null when it had ended before. */
  end(id: string, tx: Tx): Promise<ImpersonationRecord | null>;
  /** Ids of active impersonations. */
  running(limit: number): Promise<string[]>;
}

/** Milliseconds within which one that has begun must have its session. */
const BEGINNING = 30_000;

const LIVING = livingSession('to_timestamp($2::float8 / 1000)');

const FIND = {
  name: 'impersonations_find',
  text: `select ${record.columnsOf('i')},
      exists (select from oidc_records r where ${LIVING} and r.account_id = i.operator_id and r.uid = i.operator_session)
      and (i.started_at > to_timestamp(($2::float8 - ${BEGINNING}) / 1000) or exists (select from oidc_records r
        where ${LIVING} and r.account_id = i.subject_id and r.payload -> 'view' ->> 'id' = i.id::text)) as "isSignedIn"
    from impersonations i where i.id = $1 and i.started_at is not null`,
};

const BEGIN = `update impersonations
  set started_at = $3, token_hash = null, token_expires_at = null, operator_session = $4, expires_at = $5
  where token_hash = $1 and operator_id = $2 and token_expires_at > $3 and started_at is null and ended_at is null
  returning ${record.columns}`;

/** Condition of requests that await an answer; they expire. */
export const WAITING = 'asked and approved is null and started_at is null and ended_at is null';

const ANSWER = `update impersonations
  set approved = $3, expires_at = $4, ended_at = case when $3 then null else $5::timestamptz end
  where id = $1 and subject_id = $2 and ${WAITING} and expires_at > $5
  returning ${record.columns}`;

const END = `update impersonations set ended_at = $2 where id = $1 and ended_at is null returning ${record.columns}`;

export function createImpersonations({ pool, clock }: { pool: Pool; clock: Clock }): Impersonations {
  const now = () => new Date(clock.now());
  const one = (rows: object[]) => record.read(rows)[0] ?? null;
  return {
    create: async (values, tx) =>
      record.from(
        await Impersonation.create({ ...values, id: newUuid(), createdAt: now() }, { transaction: tx }),
      ),
    async lockAsked(operatorId, subjectId, since, tx) {
      const found = await Impersonation.findOne({
        where: { operatorId, subjectId, asked: true, startedAt: null, createdAt: { [Op.gt]: since } },
        order: [['createdAt', 'DESC']],
        lock: true,
        transaction: tx,
      });
      return found && record.from(found);
    },
    async waiting(subjectId) {
      const found = await Impersonation.findAll({
        where: {
          subjectId,
          asked: true,
          approved: null,
          startedAt: null,
          endedAt: null,
          expiresAt: { [Op.gt]: now() },
        },
        order: ['createdAt'],
      });
      return found.map(record.from);
    },
    async answer(subjectId, id, { approved, expiresAt }, tx) {
      if (!isUuid(id)) return null;
      return one((await tx.query<object>(ANSWER, [id, subjectId, approved, expiresAt, now()])).rows);
    },
    async setToken(id, tokenHash, tokenExpiresAt, tx) {
      await Impersonation.update({ tokenHash, tokenExpiresAt }, { where: { id }, transaction: tx });
    },
    async begin(hash, operatorId, { session, expiresAt }, tx) {
      return one((await tx.query<object>(BEGIN, [hash, operatorId, now(), session, expiresAt])).rows);
    },
    async find(id) {
      if (!isUuid(id)) return null;
      const { rows } = await pool.query<ImpersonationRecord & { isSignedIn: boolean }>({
        ...FIND,
        values: [id, clock.now()],
      });
      return rows[0] ?? null;
    },
    async end(id, tx) {
      if (!isUuid(id)) return null;
      return one((await tx.query<object>(END, [id, now()])).rows);
    },
    async running(limit) {
      const found = await Impersonation.findAll({
        attributes: ['id'],
        where: { startedAt: { [Op.not]: null }, endedAt: null },
        order: ['startedAt'],
        limit,
      });
      return found.map(({ id }) => id);
    },
  };
}
