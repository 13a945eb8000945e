import type { AccountEvent } from '../../domain/history.ts';
import type { Icon } from './icons.ts';
import type { MessageKey } from './i18n.ts';

/** One line of what happened to an account. */
export interface EventLine {
  icon: Icon;
  text: MessageKey;
  /** Whether it may be somebody else's doing. */
  alert: boolean;
  at: Date;
  browser: string | null;
  system: string | null;
  ip: string | null;
}

type Words = { text: MessageKey; icon: Icon; alert?: true };

/** What people are told, by type, or by `type:failure` of what did not work. Other events say nothing to them. */
const WORDS = new Map<string, Words>(
  Object.entries({
    'login': { text: 'event.login', icon: 'arrow' },
    'login:failure': { text: 'event.loginFailed', icon: 'alert', alert: true },
    'logout': { text: 'event.logout', icon: 'arrow' },
    'session.ended': { text: 'event.sessionEnded', icon: 'arrow' },
    'user.created': { text: 'event.created', icon: 'person' },
    'user.updated': { text: 'event.updated', icon: 'person' },
    'user.registration_requested': { text: 'event.registrationTried', icon: 'mail' },
    'password.changed': { text: 'event.passwordChanged', icon: 'key' },
    'password.reset_requested': { text: 'event.resetRequested', icon: 'mail' },
    'password.reset': { text: 'event.passwordReset', icon: 'key' },
    'email.verification_requested': { text: 'event.verificationRequested', icon: 'mail' },
    'email.verified': { text: 'event.emailVerified', icon: 'mail' },
    'email.change_requested': { text: 'event.emailChangeRequested', icon: 'mail' },
    'email.changed': { text: 'event.emailChanged', icon: 'mail' },
    'factor.added': { text: 'event.factorAdded', icon: 'key' },
    'factor.removed': { text: 'event.factorRemoved', icon: 'key' },
    'factor.failed:failure': { text: 'event.factorFailed', icon: 'alert', alert: true },
    'recovery_code.used': { text: 'event.recoveryUsed', icon: 'key' },
    'recovery_codes.regenerated': { text: 'event.codesMade', icon: 'key' },
    'identity.linked': { text: 'event.identityLinked', icon: 'key' },
    'identity.unlinked': { text: 'event.identityUnlinked', icon: 'key' },
    'device.trusted': { text: 'event.deviceTrusted', icon: 'check' },
    'device.authorized': { text: 'event.deviceAuthorized', icon: 'phone' },
    'device.refused': { text: 'event.deviceRefused', icon: 'phone' },
    'login.requested': { text: 'event.loginRequested', icon: 'arrow' },
    'login_request.approved': { text: 'event.requestApproved', icon: 'check' },
    'login_request.denied': { text: 'event.requestDenied', icon: 'alert' },
    'consent.granted': { text: 'event.consent', icon: 'grid' },
    'grant.revoked': { text: 'event.disconnected', icon: 'grid' },
    'refresh_token.reused:failure': { text: 'event.tokenReused', icon: 'alert', alert: true },
  } satisfies Record<string, Words>),
);

/** The events that mean something to the account's owner, in plain words. */
export function describeEvents(events: readonly AccountEvent[]): EventLine[] {
  return events.flatMap(({ type, outcome, at, browser, system, ip }) => {
    const words = WORDS.get(outcome === 'failure' ? `${type}:failure` : type);
    return words ? { alert: false, ...words, at, browser, system, ip } : [];
  });
}
