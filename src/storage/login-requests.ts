import type { Pool } from 'pg';
import type { Clock } from '../core/clock.ts';
import { isUuid, newUuid } from '../core/ids.ts';
import type { Secrets } from '../core/secrets.ts';
import type { Allowed } from './consents.ts';
import type { Tx } from './postgres/transaction.ts';

/** A request of a client to sign an account in (OpenID Connect CIBA Core 1.0), as the person sees it. */
export interface LoginRequest {
  id: string;
  accountId: string;
  clientId: string;
  /** What the client would be allowed. */
  asked: Allowed;
  bindingMessage: string | null;
  /** The weakest login that the client is content with; null for any. */
  acr: string | null;
  createdAt: Date;
  expiresAt: Date;
}

export type NewLoginRequest = Omit<LoginRequest, 'id' | 'createdAt'> & { authReqId: string };

/** Those that wait for an answer and have not expired. */
export interface LoginRequests {
  create(request: NewLoginRequest, tx: Tx): Promise<void>;
  /** The account's, the oldest first. */
  listOf(accountId: string): Promise<LoginRequest[]>;
  /** Takes one away to answer it: of any number of tries whose transactions commit, one gets it. Null when it is gone. */
  take(accountId: string, id: string, tx: Tx): Promise<(LoginRequest & { authReqId: string }) | null>;
}

interface Dependencies {
  pool: Pool;
  secrets: Secrets;
  clock: Clock;
}

const PURPOSE = 'auth-req-id';

const COLUMNS = `id, account_id as "accountId", client_id as "clientId", asked, binding_message as "bindingMessage",
  acr, created_at as "createdAt", expires_at as "expiresAt"`;

/** Login requests in PostgreSQL. */
export function createLoginRequests({ pool, secrets, clock }: Dependencies): LoginRequests {
  return {
    async create({ accountId, clientId, authReqId, asked, bindingMessage, acr, expiresAt }, tx) {
      await tx.query(
        `insert into login_requests (id, account_id, client_id, auth_req_id, asked, binding_message, acr, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          newUuid(),
          accountId,
          clientId,
          secrets.seal(PURPOSE, authReqId),
          JSON.stringify(asked),
          bindingMessage,
          acr,
          expiresAt,
        ],
      );
    },
    async listOf(accountId) {
      const { rows } = await pool.query<LoginRequest>(
        `select ${COLUMNS} from login_requests
         where account_id = $1 and expires_at > to_timestamp($2::float8 / 1000) order by created_at`,
        [accountId, clock.now()],
      );
      return rows;
    },
    async take(accountId, id, tx) {
      if (!isUuid(id)) return null;
      const { rows } = await tx.query<LoginRequest & { sealed: Buffer }>(
        `delete from login_requests
         where id = $1 and account_id = $2 and expires_at > to_timestamp($3::float8 / 1000)
         returning ${COLUMNS}, auth_req_id as sealed`,
        [id, accountId, clock.now()],
      );
      if (!rows[0]) return null;
      const { sealed, ...request } = rows[0];
      return { ...request, authReqId: secrets.open(PURPOSE, sealed) };
    },
  };
}
