// raw-sql: a deletion decides who answers the request.
import { Op } from 'sequelize';
import type { Clock } from '../core/clock.ts';
import { isUuid, newUuid } from '../core/ids.ts';
import { CibaRequest } from './models/ciba-request.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(CibaRequest, 'authReqId');
const whole = recordOf(CibaRequest);

/** A request of a client to sign an account in (OpenID Connect CIBA Core 1.0), as the person sees it. */
export type CibaRequestRecord = RecordOf<typeof record>;

export type NewCibaRequestRecord = Omit<RecordOf<typeof whole>, 'id' | 'createdAt'>;

/** Those that wait for an answer and have not expired. */
export interface CibaRequests {
  create(request: NewCibaRequestRecord, tx: Tx): Promise<void>;
  /** The account's, the oldest first. */
  listOf(accountId: string): Promise<CibaRequestRecord[]>;
  /** Takes one away to answer it: of any number of tries whose transactions commit, one gets it. Null when it is gone. */
  take(accountId: string, id: string, tx: Tx): Promise<RecordOf<typeof whole> | null>;
}

/** One statement: of parallel tries one has it. */
const TAKE = `delete from login_requests where id = $1 and account_id = $2 and expires_at > $3
  returning ${whole.columns}`;

/** CIBA requests in PostgreSQL. */
export function createCibaRequests(clock: Clock): CibaRequests {
  return {
    async create(request, tx) {
      await CibaRequest.create({ ...request, id: newUuid() }, { transaction: tx });
    },
    async listOf(accountId) {
      const found = await CibaRequest.findAll({
        attributes: record.attributes,
        where: { accountId, expiresAt: { [Op.gt]: new Date(clock.now()) } },
        order: ['createdAt'],
      });
      return found.map(record.from);
    },
    async take(accountId, id, tx) {
      if (!isUuid(id)) return null;
      const { rows } = await tx.query<object>(TAKE, [id, accountId, new Date(clock.now())]);
      return whole.read(rows)[0] ?? null;
    },
  };
}
