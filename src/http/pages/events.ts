import { LRUCache } from 'lru-cache';
import type { AccountEvent } from '../../domain/history.ts';
import type { Device } from '../../domain/notices.ts';
import type { Icon } from './templates.ts';
import type { MessageKey } from './i18n.ts';

/** One line of an account's events. */
export interface EventLine extends Device {
  icon: Icon;
  text: MessageKey;
  /** Whether somebody else may have done it. */
  alert: boolean;
  /** The app that it was about, or that the person signed in to. */
  app: string | null;
  /** When it last happened, and how often in a row. */
  at: Date;
  times: number;
  ip: string | null;
}

/** The events of one day. */
export interface EventDay {
  /** YYYY-MM-DD, in the owner's time zone. */
  day: string;
  lines: EventLine[];
}

type Words = { text: MessageKey; icon: Icon; alert?: true };

/** What owners are told, by type, or by `type:failure` for failures. Other events are not shown to them. */
const WORDS = new Map<string, Words>(
  Object.entries({
    'login': { text: 'event.login', icon: 'arrow' },
    'login.link_requested': { text: 'event.linkRequested', icon: 'mail' },
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
    'impersonation.requested': { text: 'event.viewRequested', icon: 'person' },
    'impersonation.approved': { text: 'event.viewApproved', icon: 'check' },
    'impersonation.denied': { text: 'event.viewDenied', icon: 'person' },
    'impersonation.started': { text: 'event.viewStarted', icon: 'person' },
    'impersonation.ended': { text: 'event.viewEnded', icon: 'person' },
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

/** Swedish formats dates like ISO 8601. Creating a formatter takes longer than formatting a whole page. */
const formats = new LRUCache<string, Intl.DateTimeFormat>({
  max: 100,
  memoMethod: (timeZone) => new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short' }),
});

const isSame = (a: EventLine, b: EventLine): boolean =>
  (['text', 'app', 'browser', 'system', 'ip'] as const).every((part) => a[part] === b[part]);

/**
 * The events that matter to the account's owner, in plain words, by day. An event that occurred several times in a row takes
 * one line.
 * @param events newest first.
 * @param zone the owner's time zone.
 * @param appOf the name of the app that an event is about.
 */
export function describeEvents(
  events: readonly AccountEvent[],
  zone: string,
  appOf: (event: AccountEvent) => string | null,
): EventDay[] {
  const days = formats.memo(zone);
  const described: EventDay[] = [];
  for (const event of events) {
    const { type, outcome, at, browser, system, ip } = event;
    const words = WORDS.get(outcome === 'failure' ? `${type}:failure` : type);
    if (!words) continue;
    const line = { alert: false, ...words, app: appOf(event), at, times: 1, browser, system, ip };
    const day = days.format(at);
    if (described.at(-1)?.day !== day) described.push({ day, lines: [] });
    const lines = described.at(-1)?.lines ?? [];
    const last = lines.at(-1);
    if (last && isSame(last, line)) last.times += 1;
    else lines.push(line);
  }
  return described;
}
