// raw-sql: one statement writes events and their webhook deliveries; only functions of the database may change or delete an event.
import type { Actor } from '../core/actor.ts';
import { newUuid } from '../core/ids.ts';
import { AuditEvent, type AuditType } from './models/audit-event.ts';
import { patternsOf, toldOf, WEBHOOK_TOPIC } from './event-catalogue.ts';
import { boundExecutor, recordOf, type RecordOf } from './models/define.ts';
import { dropPartitions } from './partitions.ts';
import { CHANNEL } from './postgres/notifications.ts';
import type { Executor } from './postgres/executor.ts';
import { gather, type Tx, withoutNul, writeGathered } from './postgres/transaction.ts';

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
  /** Writes one event, in the change's transaction if there is one. Events of `AsOne` are written together before its commit. */
  record(entry: AuditEntry, actor: Actor, tx?: Tx): Promise<void>;
  /** Events, newest first. `after` is the id of the last one seen; an unknown id finds nothing. */
  list(options: { limit: number; subject?: string; after?: string }): Promise<AuditRecord[]>;
  /**
   * Removes what identifies the owner of an account deleted in `tx` from its events. A shared pseudonym replaces the account's
   * id.
   */
  forget(accountId: string, tx: Tx): Promise<void>;
  /** Deletes up to `limit` of the oldest events before a moment. @returns how many. */
  purge(before: Date, limit: number, tx: Tx): Promise<number>;
  /** Drops the partitions whose events are all from before a moment. @returns how many events. */
  drop(before: Date, tx: Tx): Promise<number>;
  /** Like `purge`, but only events outside the monthly partitions, which are dropped whole. */
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

/** A statement for each set of conditions: PostgreSQL plans each once per connection. */
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

/** One statement writes events and their webhook deliveries. */
const RECORD = {
  name: 'audit_record',
  text: `with events as (
    select * from json_to_recordset($1) as e (id uuid, at timestamptz, type text, outcome text, subject uuid, "actorKind" text,
      "actorId" text, "clientId" text, door text, ip inet, "userAgent" text, "requestId" text, details jsonb, told jsonb,
      patterns text[])
  ), written as (
    insert into audit_events (id, at, type, outcome, subject, actor_kind, actor_id, client_id, door, ip, user_agent,
      request_id, details)
    select id, at, type, outcome, subject, "actorKind", "actorId", "clientId", door, ip, "userAgent", "requestId", details
    from events
  ), leaving as (
    insert into webhook_deliveries (id, webhook_id, event_id, type, data, at)
    select gen_random_uuid(), webhooks.id, events.id, events.type, told, at
    from events join webhooks on enabled and event_types && patterns
    returning id
  )
  select pg_notify('${CHANNEL}', '${WEBHOOK_TOPIC}:') from leaving limit 1`,
};

/** @param events as JSON. */
async function write(events: readonly string[], executor: Executor): Promise<void> {
  await executor.query({ ...RECORD, values: [`[${events.join()}]`] });
}

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
    const client = clientId ?? actor.clientId ?? null;
    const all = {
      ...details,
      ...(actor.act === undefined ? {} : { act: actor.act }),
      ...(actor.putsBack === undefined ? {} : { putsBack: actor.putsBack }),
    };
    const event = {
      id: newUuid(),
      at: new Date().toISOString(),
      type,
      outcome,
      subject,
      actorKind: actor.kind,
      actorId: actor.id,
      clientId: client,
      door: actor.door,
      ip: actor.ip,
      userAgent: actor.userAgent?.slice(0, 512),
      requestId: actor.requestId,
      details: all,
      told: toldOf({ type, outcome, subject, clientId: client, details }, actor),
      patterns: patternsOf(type),
    };
    const json = JSON.stringify(event, (_, value: unknown) => withoutNul(value));
    await gather(json, write, tx ?? boundExecutor());
  },
  async list(options) {
    await writeGathered();
    const { rows } = await boundExecutor().query<object>(listing(options));
    return auditRecord.read(rows).map(eventFrom);
  },
  async forget(accountId, tx) {
    await writeGathered();
    await tx.query('select audit_forget($1)', [accountId]);
  },
  purge: deleting('audit_purge'),
  drop: (before, tx) => dropPartitions(tx, 'audit_events', before),
  sweep: deleting('audit_sweep'),
};
