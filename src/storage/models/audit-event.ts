import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
} from 'sequelize';
import type { Actor } from '../../core/actor.ts';
import { define } from './define.ts';

/** Types of events, as `noun.verb`. */
export type AuditType =
  | 'user.registration_requested'
  | 'user.created'
  | 'user.imported'
  | 'accounts.exported'
  | 'user.updated'
  | 'user.suspended'
  | 'user.reactivated'
  | 'user.unlocked'
  | 'user.deleted'
  | 'user.purged'
  | 'user.deletion_scheduled'
  | 'user.deletion_called_off'
  | 'user.invited'
  | 'impersonation.requested'
  | 'impersonation.approved'
  | 'impersonation.denied'
  | 'impersonation.started'
  | 'impersonation.ended'
  | 'users.exported'
  | 'password.changed'
  | 'password.change_required'
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
  | 'upstream.updated'
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
  | 'client.secret_removed'
  | 'client.enabled'
  | 'client.disabled'
  | 'client.deleted'
  | 'api.created'
  | 'api.updated'
  | 'api.deleted'
  | 'key.rotated'
  | 'key.retired'
  | 'api_key.created'
  | 'api_key.updated'
  | 'registration_token.created'
  | 'registration_token.revoked'
  | 'contract.opened'
  | 'contract.closed'
  | 'settings.updated'
  | 'setup.updated'
  | 'branding.updated'
  | 'role.created'
  | 'role.updated'
  | 'role.deleted'
  | 'group.created'
  | 'group.updated'
  | 'group.deleted'
  | 'group.member_added'
  | 'group.member_removed'
  | 'attributes.updated'
  | 'operator.refused'
  | 'api_key.revoked'
  | 'scim_token.created'
  | 'scim_token.replaced'
  | 'scim_token.revoked'
  | 'audit.purged'
  | 'audit.exported'
  | 'mail.resent'
  | 'mail.tested'
  | 'mail_template.updated'
  | 'webhook.created'
  | 'webhook.updated'
  | 'webhook.deleted'
  | 'webhook.secret_rotated'
  | 'webhook.disabled'
  | 'webhook.enabled'
  | 'webhook.tested'
  | 'webhook.replayed';

/** One event of the append-only log: who did what, when, from where, with which outcome. */
export class AuditEvent extends Model<InferAttributes<AuditEvent>, InferCreationAttributes<AuditEvent>> {
  declare id: string;
  declare at: CreationOptional<Date>;
  declare type: AuditType;
  declare outcome: 'success' | 'failure';
  /** The account it is about. */
  declare subject: string | null;
  declare actorKind: Actor['kind'];
  declare actorId: string | null;
  declare clientId: string | null;
  declare door: string;
  declare ip: string | null;
  declare userAgent: string | null;
  declare requestId: string | null;
  /** Never a secret. */
  declare details: CreationOptional<Record<string, unknown>>;
}

define(AuditEvent, 'audit_events', {
  id: { type: DataTypes.UUID, primaryKey: true },
  at: { type: DataTypes.DATE, allowNull: false, defaultValue: DataTypes.NOW },
  type: { type: DataTypes.TEXT, allowNull: false },
  outcome: { type: DataTypes.TEXT, allowNull: false },
  subject: DataTypes.UUID,
  actorKind: { type: DataTypes.TEXT, allowNull: false },
  actorId: DataTypes.TEXT,
  clientId: DataTypes.TEXT,
  door: { type: DataTypes.TEXT, allowNull: false },
  ip: DataTypes.INET,
  userAgent: DataTypes.TEXT,
  requestId: DataTypes.TEXT,
  details: { type: DataTypes.JSONB, allowNull: false, defaultValue: {} },
});
