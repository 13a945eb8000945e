// raw-sql: an event and what webhooks are told of it are one statement; functions of the database alone may change or delete an event.
import type { Actor } from '../core/actor.ts';
import { newUuid } from '../core/ids.ts';
import { AuditEvent, type AuditType } from './models/audit-event.ts';
import { patternsOf, toldOf, WEBHOOK_TOPIC } from './event-catalogue.ts';
import { boundExecutor, recordOf, type RecordOf } from './models/define.ts';
import { dropPartitions } from './partitions.ts';
import { CHANNEL } from './postgres/notifications.ts';
import { type Tx, withoutNul } from './postgres/transaction.ts';

export type { AuditType } from './models/audit-event.ts';

export interface AuditEntry {
  type: AuditType;
  outcome?: 'success' | 'failure';
  /** The account that the event is about. */
  subject?: string | null;
  /** The client that the event is about. By default the actor's. */
  clientId?: string | null;
  /** Never contains a secret. */
  details?: Record<string, unknown>;
}

export interface AuditRecord extends Required<AuditEntry> {
  id: string;
  at: Date;
  actor: Actor;
}

export interface Audit {
  /** Writes one event, in the transaction of the change if there is one. */
  record(entry: AuditEntry, actor: Actor, tx?: Tx): Promise<void>;
  /** Events, newest first. `after` is the id of the last one seen; an unknown id finds nothing. */
  list(options: { limit: number; subject?: string; after?: string }): Promise<AuditRecord[]>;
  /**
   * Removes from the events what identifies the owner of an account deleted in `tx`. A shared pseudonym replaces the
   * account's id.
   */
  forget(accountId: string, tx: Tx): Promise<void>;
  /** Deletes up to `limit` of the oldest events before a moment. @returns how many. */
  purge(before: Date, limit: number, tx: Tx): Promise<number>;
  /** Drops the partitions whose events are all from before a moment. @returns how many events. */
  drop(before: Date, tx: Tx): Promise<number>;
  /** Like `purge`, but of events in no partition by month: such a partition goes as a whole. */
  sweep(before: Date, limit: number, tx: Tx): Promise<number>;
}

/** The columns of an event's record. */
export const auditRecord = recordOf(AuditEvent);

/** Maps a row to an event. */
export const eventFrom = (row: RecordOf<typeof auditRecord>): AuditRecord => ({
  id: row.id,
  at: row.at,
  type: row.type,
  outcome: row.outcome,
  subject: row.subject,
  clientId: row.clientId,
  details: row.details,
  actor: {
    kind: row.actorKind,
    id: row.actorId,
    door: row.door,
    ip: row.ip,
    userAgent: row.userAgent,
    requestId: row.requestId,
  } satisfies Actor,
});

/** Compare in the database, whose timestamps are finer than a Date. */
const older = (parameter: string) => `(at, id) < (select at, id from audit_events where id = ${parameter})`;

/** A statement for each set of conditions: PostgreSQL plans each once a connection. */
function listing({ limit, subject, after }: Parameters<Audit['list']>[0]) {
  const values: unknown[] = [limit];
  const conditions: string[] = [];
  if (subject !== undefined) conditions.push(`subject = $${values.push(subject)}`);
  if (after !== undefined) conditions.push(older(`$${values.push(after)}`));
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
  return {
    name: `audit_list${subject === undefined ? '' : '_subject'}${after === undefined ? '' : '_after'}`,
    text: `select ${auditRecord.columns} from audit_events ${where} order by at desc, id desc limit $1`,
    values,
  };
}

/** One statement writes the event and its webhook deliveries. */
const RECORD = {
  name: 'audit_record',
  text: `with event as (
    insert into audit_events (id, at, type, outcome, subject, actor_kind, actor_id, client_id, door, ip, user_agent,
      request_id, details)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  ), leaving as (
    insert into webhook_deliveries (id, webhook_id, event_id, type, data, at)
    select gen_random_uuid(), webhooks.id, $1, $3, $14::jsonb, $2 from webhooks
    where enabled and event_types && $15::text[]
    returning id
  )
  select pg_notify('${CHANNEL}', '${WEBHOOK_TOPIC}:') from leaving limit 1`,
};

/** Calls one of the functions that may delete events. */
const deleting =
  (name: 'audit_purge' | 'audit_sweep') =>
  async (before: Date, limit: number, tx: Tx): Promise<number> => {
    const { rows } = await tx.query<{ deleted: number }>(`select ${name}($1, $2) as deleted`, [
      before,
      limit,
    ]);
    return rows[0]!.deleted;
  };

/** The append-only log in PostgreSQL. */
export const audit: Audit = {
  async record({ type, outcome = 'success', subject = null, clientId, details = {} }, actor, tx) {
    const id = newUuid();
    const client = clientId ?? actor.clientId ?? null;
    const all = {
      ...details,
      ...(actor.act === undefined ? {} : { act: actor.act }),
      ...(actor.putsBack === undefined ? {} : { putsBack: actor.putsBack }),
    };
    const told = toldOf({ type, outcome, subject, clientId: client, details }, actor);
    const values = [
      id,
      new Date().toISOString(),
      type,
      outcome,
      subject,
      actor.kind,
      actor.id,
      client,
      actor.door,
      actor.ip,
      actor.userAgent?.slice(0, 512) ?? null,
      actor.requestId,
      JSON.stringify(all),
      JSON.stringify(told),
      patternsOf(type),
    ];
    await (tx ?? boundExecutor()).query({ ...RECORD, values: values.map(withoutNul) });
  },
  async list(options) {
    const { rows } = await boundExecutor().query<object>(listing(options));
    return auditRecord.read(rows).map(eventFrom);
  },
  async forget(accountId, tx) {
    await tx.query('select audit_forget($1)', [accountId]);
  },
  purge: deleting('audit_purge'),
  drop: (before, tx) => dropPartitions(tx, 'audit_events', before),
  sweep: deleting('audit_sweep'),
};
