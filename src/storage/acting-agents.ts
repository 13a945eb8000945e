// raw-sql: a race; one statement decides whether a delegation continues or has ended.
import type { Pool } from 'pg';
import { newUuid } from '../core/ids.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import { ActingAgent } from './models/provider-records.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(ActingAgent, 'accountId');

export type ActingAgentRecord = RecordOf<typeof record>;

/** A use of an agent for an account. */
export interface AgentUse {
  accountId: string;
  clientId: string;
  at: Date;
}

export interface ActingAgents {
  /**
   * Records that an agent obtains a token for an account by token exchange.
   * @param grantId the grant that the exchanged token is under
   * @returns the delegation's id, for the token; null when the person has ended the agent since that grant.
   */
  delegate(
    use: AgentUse & { grantId: string; audience: string; scopes: readonly string[] },
  ): Promise<string | null>;
  /** Agents that have acted for an account, by first use. */
  listOf(accountId: string): Promise<ActingAgentRecord[]>;
  /** Records when agents were last used. */
  noteUse(uses: readonly AgentUse[]): Promise<void>;
  /** Ends an agent's delegation for an account. @returns its id, as tokens name it, or null without one. */
  end(accountId: string, clientId: string, tx: Tx): Promise<string | null>;
}

const DELEGATE = `insert into acting_agents as agent (account_id, client_id, delegation, resource_scopes, last_used_at)
  values ($1, $2, $3, jsonb_build_object($4::text, $5::jsonb), $6)
  on conflict (account_id, client_id) do update set
    delegation = coalesce(agent.delegation, excluded.delegation),
    resource_scopes = agent.resource_scopes || jsonb_build_object($4::text, (
      select coalesce(jsonb_agg(distinct scope), '[]')
      from jsonb_array_elements(coalesce(agent.resource_scopes -> $4, '[]') || $5::jsonb) as scope
    )),
    last_used_at = greatest(agent.last_used_at, excluded.last_used_at)
  where agent.ended_at is null
    or agent.ended_at < (select oidc_grants.created_at from oidc_grants where oidc_grants.id = $7)
  returning delegation`;

const NOTE_USE = `insert into acting_agents as agent (account_id, client_id, last_used_at)
  select users.id, clients.id, used.at
    from jsonb_to_recordset($1) as used (account uuid, client text, at timestamptz)
    join users on users.id = used.account join clients on clients.id = used.client
  on conflict (account_id, client_id) do update
    set last_used_at = greatest(agent.last_used_at, excluded.last_used_at)`;

const END = `with before as (
    select delegation from acting_agents where account_id = $1 and client_id = $2 for update
  )
  update acting_agents set delegation = null, resource_scopes = '{}', ended_at = clock_timestamp()
  from before where account_id = $1 and client_id = $2 returning before.delegation`;

/** Delegations to agents, in PostgreSQL. */
export function createActingAgents(pool: Pool): ActingAgents {
  return {
    async delegate({ accountId, clientId, at, grantId, audience, scopes }) {
      const { rows } = await pool.query<{ delegation: string }>(DELEGATE, [
        accountId,
        clientId,
        newUuid(),
        audience,
        JSON.stringify(scopes),
        at,
        grantId,
      ]);
      return rows[0]?.delegation ?? null;
    },
    async listOf(accountId) {
      const found = await ActingAgent.findAll({ where: { accountId }, order: ['createdAt'] });
      return found.map(record.from);
    },
    async noteUse(uses) {
      const rows = uses.map(({ accountId, clientId, at }) => ({ account: accountId, client: clientId, at }));
      await pool.query(NOTE_USE, [JSON.stringify(rows)]);
    },
    async end(accountId, clientId, tx) {
      const { rows } = await tx.query<{ delegation: string | null }>(END, [accountId, clientId]);
      return rows[0]?.delegation ?? null;
    },
  };
}
