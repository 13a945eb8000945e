import type { Actor } from '../core/actor.ts';
import type { AuditType } from './models/audit-event.ts';

/** How webhooks publish an event. */
interface Told {
  description: string;
  /** Members of the audit's details that are ids or our own terms: nothing that people wrote, no profile data. */
  details?: readonly string[];
  /** Whether webhooks must subscribe to it by its full name, because there may be hundreds of thousands. */
  isBulk?: true;
}

/**
 * Every type of audit event, as webhooks and their documents describe it. Add a line for each new type: a sentence, and the
 * members of its details that receivers get.
 */
export const EVENTS = {
  'user.registration_requested': { description: 'Somebody asked to register' },
  'user.created': { description: 'An account was created' },
  'user.imported': {
    description:
      'An account was imported from another service, or updated from it; sent only if subscribed by its full name',
    details: ['source', 'source_id', 'roles'],
    isBulk: true,
  },
  'accounts.exported': { description: 'All accounts were exported', details: ['format', 'with_hashes'] },
  'user.updated': { description: 'An account was changed' },
  'user.suspended': { description: 'An account was suspended' },
  'user.reactivated': { description: 'A suspended account was reactivated' },
  'user.unlocked': { description: 'An account locked after wrong passwords was unlocked' },
  'user.deleted': { description: 'An account was deleted; its owner may be able to restore it' },
  'user.purged': { description: 'A deleted account was removed for good' },
  'user.deletion_scheduled': { description: 'An account was suspended and will be deleted' },
  'user.deletion_called_off': { description: 'The deletion of an account was cancelled' },
  'user.invited': { description: 'A link to choose a password was mailed to the owner of an account' },
  'impersonation.requested': {
    description: 'An operator asked to view as a person',
    details: ['impersonation', 'asked'],
  },
  'impersonation.approved': {
    description: 'A person let an operator view as them',
    details: ['impersonation'],
  },
  'impersonation.denied': {
    description: 'A person did not let an operator view as them',
    details: ['impersonation'],
  },
  'impersonation.started': {
    description: 'An operator began to view as a person',
    details: ['impersonation', 'until'],
  },
  'impersonation.ended': {
    description: 'An operator no longer views as a person',
    details: ['impersonation', 'operator', 'why'],
  },
  'users.exported': { description: 'Accounts were exported', details: ['format'] },
  'password.change_required': { description: 'A new password was required at the next sign-in' },
  'password.changed': { description: 'A password was changed' },
  'password.reset_requested': { description: 'Somebody asked to reset a password' },
  'password.reset': { description: 'A password was reset' },
  'email.verification_requested': { description: 'A link to verify an address was requested' },
  'email.verified': { description: 'An email address was verified' },
  'email.change_requested': { description: 'A change of an email address was requested' },
  'email.changed': { description: 'An email address was changed' },
  'email.disowned': { description: 'Somebody else turned out to own an email address' },
  'account.cleared': {
    description: 'What others had set on an account before its owner was known was removed',
  },
  'change.undone': { description: 'The owner of an account undid a change', details: ['matter'] },
  'factor.added': { description: 'A way to sign in was added', details: ['kind', 'method'] },
  'factor.removed': { description: 'A way to sign in was removed', details: ['kind', 'method'] },
  'factor.failed': { description: 'A second factor was wrong', details: ['method', 'reason'] },
  'recovery_code.used': { description: 'A recovery code was used', details: ['left'] },
  'recovery_codes.regenerated': { description: 'New recovery codes were generated' },
  'device.trusted': { description: 'A browser was trusted, so that it needs no second factor for a while' },
  'identity.linked': { description: 'A sign-in at another provider was linked' },
  'identity.unlinked': { description: 'A sign-in at another provider was unlinked' },
  'upstream.created': { description: 'A sign-in provider was registered', details: ['id'] },
  'upstream.updated': { description: 'A sign-in provider was changed', details: ['id'] },
  'upstream.deleted': { description: 'A sign-in provider was removed', details: ['id'] },
  'device.authorized': { description: 'A person allowed a device to sign in' },
  'device.refused': { description: 'A person refused a device' },
  'login.requested': { description: 'An app asked to sign in a person who is elsewhere' },
  'login_request.approved': { description: 'A person approved such a request' },
  'login_request.denied': { description: 'A person refused such a request' },
  'login': { description: 'Somebody signed in, or tried to', details: ['method', 'amr', 'reason'] },
  'login.link_requested': { description: 'A sign-in link was requested' },
  'logout': { description: 'Somebody signed out' },
  'session.ended': { description: 'A session was ended' },
  'consent.granted': { description: 'A person allowed an app' },
  'grant.revoked': { description: 'A person or an operator revoked what an app was allowed' },
  'refresh_token.reused': {
    description: 'A refresh token was used twice; its grant ended',
    details: ['grantId'],
  },
  'token.exchanged': {
    description: 'A token was exchanged',
    details: ['subjectClientId', 'audience', 'scope', 'act'],
  },
  'client.created': { description: 'An app was registered' },
  'client.updated': { description: 'An app was changed' },
  'client.secret_rotated': { description: 'An app got a new secret', details: ['secretId', 'overlap'] },
  'client.secret_removed': { description: 'A secret of an app was removed', details: ['secretId'] },
  'client.enabled': { description: 'An app was enabled again' },
  'client.disabled': { description: 'An app was disabled' },
  'client.deleted': { description: 'An app was deleted' },
  'attributes.updated': { description: 'The custom attributes of accounts were changed' },
  'api.created': { description: 'An API was registered or replaced', details: ['identifier'] },
  'api.updated': { description: 'An API was changed', details: ['identifier'] },
  'api.deleted': { description: 'An API was deleted', details: ['identifier'] },
  'key.rotated': { description: 'New signing keys were created', details: ['kids'] },
  'key.retired': { description: 'A signing key was retired', details: ['kid'] },
  'contract.opened': { description: 'A contract was opened', details: ['contract'] },
  'contract.closed': { description: 'A contract was closed', details: ['contract'] },
  'branding.updated': { description: 'The look or the texts of pages and mail were changed' },
  'settings.updated': { description: 'Settings were changed at run time' },
  'setup.updated': { description: 'A first step was confirmed, or the list of them hidden' },
  'api_key.created': { description: 'An API key was created', details: ['id'] },
  'scim_token.created': { description: 'A SCIM token was created', details: ['id', 'name'] },
  'scim_token.replaced': {
    description: 'A SCIM token will end in a day, because a newer one replaces it',
    details: ['id', 'name'],
  },
  'scim_token.revoked': { description: 'A SCIM token was deleted', details: ['id', 'name'] },
  'api_key.updated': { description: 'An API key was changed', details: ['id'] },
  'api_key.revoked': { description: 'An API key was revoked', details: ['id'] },
  'registration_token.created': {
    description: 'A registration token was created',
    details: ['id', 'policy'],
  },
  'registration_token.revoked': { description: 'A registration token was revoked', details: ['id'] },
  'role.created': { description: 'A role was created', details: ['role'] },
  'role.updated': { description: 'A role was changed', details: ['role'] },
  'role.deleted': { description: 'A role was deleted', details: ['role'] },
  'group.created': { description: 'A group was created', details: ['group'] },
  'group.updated': { description: 'A group was changed', details: ['group'] },
  'group.deleted': { description: 'A group was deleted', details: ['group'] },
  'group.member_added': { description: 'An account became a member of a group', details: ['group'] },
  'group.member_removed': { description: 'An account left a group', details: ['group'] },
  'operator.refused': { description: 'An operator was refused', details: ['operation', 'code', 'reason'] },
  'audit.purged': { description: 'Old events were deleted early', details: ['events'] },
  'audit.exported': { description: 'The audit was exported', details: ['format'] },
  'mail.resent': { description: 'Mail was sent again', details: ['mail', 'template'] },
  'mail.tested': { description: 'A test message was sent', details: ['template'] },
  'mail_template.updated': {
    description: 'The texts of mail were changed',
    details: ['template', 'language'],
  },
  'webhook.created': { description: 'A webhook was created', details: ['webhook'] },
  'webhook.updated': { description: 'A webhook was changed', details: ['webhook'] },
  'webhook.deleted': { description: 'A webhook was deleted', details: ['webhook'] },
  'webhook.secret_rotated': { description: 'A webhook got a new secret', details: ['webhook'] },
  'webhook.disabled': { description: 'A webhook was disabled', details: ['webhook', 'reason'] },
  'webhook.enabled': { description: 'A webhook was enabled', details: ['webhook'] },
  'webhook.tested': { description: 'A test event was sent to a webhook', details: ['webhook'] },
  'webhook.replayed': { description: 'A delivery was sent again', details: ['webhook', 'delivery'] },
} as const satisfies Record<AuditType, Told>;

/** Type of the test event for an address. It is no audit event. */
export const TEST_EVENT = 'webhook.test';

/** The patterns that match a type: its name and, unless it comes in bulk, `noun.*` and `*`. */
export function patternsOf(type: AuditType): string[] {
  const { isBulk }: Told = EVENTS[type];
  return isBulk === true ? [type] : ['*', `${type.split('.', 1)[0]}.*`, type];
}

/** Notification topic of waiting deliveries. */
export const WEBHOOK_TOPIC = 'webhook';

/** Characters of the details that receivers get: a whole message stays under 20 kB. */
const MAX_DETAILS_LENGTH = 8_000;

/** The payload for receivers: ids, and the names of changed fields. */
export interface ToldData {
  outcome: 'success' | 'failure';
  actor: { kind: Actor['kind']; id: string | null };
  subject: { id: string } | null;
  client_id: string | null;
  door: string;
  request_id: string | null;
  changed: string[];
  details: Record<string, unknown>;
}

const snakeCase = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const keysOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];

/** Names of the fields that an event changed. */
function changedBy({ before, after, fields }: Record<string, unknown>): string[] {
  const named = Array.isArray(fields) ? fields.filter((field) => typeof field === 'string') : [];
  return [...new Set([...named, ...keysOf(before), ...keysOf(after)])].slice(0, 200);
}

export function toldOf(
  event: {
    type: AuditType;
    outcome: ToldData['outcome'];
    subject: string | null;
    clientId: string | null;
    details: Record<string, unknown>;
  },
  actor: Actor,
): ToldData {
  const told: Told = EVENTS[event.type];
  const details = Object.fromEntries(
    (told.details ?? []).flatMap((name) => {
      const value = event.details[name];
      return value === undefined ? [] : [[snakeCase(name), value]];
    }),
  );
  return {
    outcome: event.outcome,
    actor: { kind: actor.kind, id: actor.id },
    subject: event.subject === null ? null : { id: event.subject },
    client_id: event.clientId,
    door: actor.door,
    request_id: actor.requestId,
    changed: changedBy(event.details),
    details: JSON.stringify(details).length > MAX_DETAILS_LENGTH ? {} : details,
  };
}
