import { literal, Op } from 'sequelize';
import type { Actor } from '../core/actor.ts';
import { newUuid } from '../core/ids.ts';
import { AuditEvent } from './models/audit-event.ts';
import type { Tx } from './postgres/transaction.ts';

/** What happened, in `noun.verb` words; the list is the vocabulary of the log. */
export type AuditType =
  | 'user.registration_requested'
  | 'user.created'
  | 'user.updated'
  | 'user.suspended'
  | 'user.reactivated'
  | 'user.unlocked'
  | 'user.deleted'
  | 'user.purged'
  | 'password.changed'
  | 'password.reset_requested'
  | 'password.reset'
  | 'email.verification_requested'
  | 'email.verified'
  | 'email.change_requested'
  | 'email.changed'
  | 'email.disowned'
  | 'account.cleared'
  | 'change.undone'
  | 'factor.added'
  | 'factor.removed'
  | 'factor.failed'
  | 'recovery_code.used'
  | 'recovery_codes.regenerated'
  | 'device.trusted'
  | 'identity.linked'
  | 'identity.unlinked'
  | 'upstream.created'
  | 'upstream.deleted'
  | 'device.authorized'
  | 'device.refused'
  | 'login.requested'
  | 'login_request.approved'
  | 'login_request.denied'
  | 'login'
  | 'login.link_requested'
  | 'logout'
  | 'session.ended'
  | 'consent.granted'
  | 'grant.revoked'
  | 'refresh_token.reused'
  | 'token.exchanged'
  | 'client.created'
  | 'client.updated'
  | 'client.secret_rotated'
  | 'client.deleted'
  | 'api.created'
  | 'api.deleted'
  | 'key.rotated'
  | 'api_key.created'
  | 'registration_token.created'
  | 'registration_token.revoked'
  | 'api_key.revoked'
  | 'audit.purged';

export interface AuditEntry {
  type: AuditType;
  outcome?: 'success' | 'failure';
  /** The account it is about. */
  subject?: string | null;
  /** The client it is about; the actor's unless given. */
  clientId?: string | null;
  /** Never a secret. */
  details?: Record<string, unknown>;
}

export interface AuditRecord extends Required<AuditEntry> {
  id: string;
  at: Date;
  actor: Actor;
}

export interface Audit {
  /** Writes one event: inside the transaction of the act it tells of, when there is one. */
  record(entry: AuditEntry, actor: Actor, tx?: Tx): Promise<void>;
  /** The newest events first; `after` is the id of the last one seen: an unknown one finds nothing. */
  list(options: { limit: number; subject?: string; after?: string }): Promise<AuditRecord[]>;
  /**
   * Takes off the events what leads to the owner of an account, which was deleted in `tx`: its id gives way to a pseudonym
   * that they share.
   */
  forget(accountId: string, tx: Tx): Promise<void>;
  /** Deletes the oldest events from before a moment, `most` of them. @returns how many there were. */
  purge(before: Date, most: number, tx: Tx): Promise<number>;
}

/** The database compares: its times are finer than ours. */
const OLDER = '(at, id) < (select at, id from audit_events where id = :after)';

/** The append-only log in PostgreSQL. */
export const audit: Audit = {
  async record({ type, outcome = 'success', subject = null, clientId, details = {} }, actor, tx) {
    await AuditEvent.create(
      {
        id: newUuid(),
        type,
        outcome,
        subject,
        clientId: clientId ?? actor.clientId ?? null,
        details,
        actorKind: actor.kind,
        actorId: actor.id,
        door: actor.door,
        ip: actor.ip,
        userAgent: actor.userAgent?.slice(0, 512) ?? null,
        requestId: actor.requestId,
      },
      { transaction: tx?.handle ?? null },
    );
  },
  async list({ limit, subject, after }) {
    const events = await AuditEvent.findAll({
      limit,
      order: [
        ['at', 'DESC'],
        ['id', 'DESC'],
      ],
      where: {
        ...(subject === undefined ? {} : { subject }),
        ...(after === undefined ? {} : { [Op.and]: literal(OLDER) }),
      },
      ...(after === undefined ? {} : { replacements: { after } }),
    });
    return events.map((event) => ({
      id: event.id,
      at: event.at,
      type: event.type as AuditType,
      outcome: event.outcome,
      subject: event.subject,
      clientId: event.clientId,
      details: event.details,
      actor: {
        kind: event.actorKind as Actor['kind'],
        id: event.actorId,
        door: event.door,
        ip: event.ip,
        userAgent: event.userAgent,
        requestId: event.requestId,
      },
    }));
  },
  async forget(accountId, tx) {
    await tx.query('select audit_forget($1)', [accountId]);
  },
  async purge(before, most, tx) {
    const { rows } = await tx.query<{ deleted: number }>('select audit_purge($1, $2) as deleted', [
      before,
      most,
    ]);
    return rows[0]!.deleted;
  },
};
