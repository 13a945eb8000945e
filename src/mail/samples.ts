import { type Message, type MessageKind, messageKinds } from './messages.ts';

const link = { token: 'S4mpleT0kenS4mpleT0ken_-', lasts: 900, expiresAt: '2026-11-21T03:00:00.000Z' };
const circumstances = {
  at: '2026-11-21T02:43:00.000Z',
  ip: '203.0.113.7',
  browser: 'Firefox',
  system: 'Linux',
};
const email = 'n…@example.org';
const factors = ['totp', 'passkey', 'recovery-codes', 'identity'] as const;

const matters = {
  'verify-email': { kind: 'verify-email', link: { ...link, lasts: 86_400 } },
  'invitation': { kind: 'invitation', link: { ...link, lasts: 604_800 } },
  'password-reset': { kind: 'password-reset', link, circumstances },
  'sign-in-link': { kind: 'sign-in-link', link: { ...link, lasts: 3600 }, circumstances },
  'email-change-requested': { kind: 'email-change-requested', email, circumstances },
  'email-changed': { kind: 'email-changed', email, undo: { ...link, lasts: 604_800 }, circumstances },
  'password-changed': { kind: 'password-changed', circumstances },
  'account-cleared': {
    kind: 'account-cleared',
    removed: { passkeys: 1, totp: 1, identities: 1, apiKeys: 2, apps: 1 },
    circumstances,
  },
  'account-deleted': { kind: 'account-deleted', undo: { ...link, lasts: 604_800 }, circumstances },
  'new-device': { kind: 'new-device', circumstances },
  'factor-added': { kind: 'factor-added', factor: { kind: 'passkey', name: 'Zoë’s phone' }, circumstances },
  'factor-removed': { kind: 'factor-removed', factor: { kind: 'totp', name: null }, circumstances },
  'recovery-code-used': { kind: 'recovery-code-used', left: 2, circumstances },
  'account-exists': { kind: 'account-exists', circumstances },
  'account-elsewhere': { kind: 'account-elsewhere', circumstances },
  'login-requested': {
    kind: 'login-requested',
    app: 'Acme Bank',
    bindingMessage: 'Transfer 4711',
    request: { lasts: link.lasts, expiresAt: link.expiresAt },
  },
  'account-viewed': {
    kind: 'account-viewed',
    by: 'Bo Berg',
    reason: 'Ticket 4711: an invoice does not open',
    at: circumstances.at,
  },
  'view-requested': {
    kind: 'view-requested',
    by: 'Bo Berg',
    reason: 'Ticket 4711: an invoice does not open',
    request: { lasts: 3600, expiresAt: link.expiresAt },
  },
  'webhook-disabled': { kind: 'webhook-disabled', endpoint: 'CRM (crm.example.com)', why: 'failing' },
  'test-letter': { kind: 'test-letter', sample: null },
} as const;

const to = { to: 'zoe@example.com', person: 'Zoë' };

/** A sample message of `kind`. @param locale BCP 47. */
export const sampleOf = (kind: MessageKind, locale: string | null = 'en'): Message => ({
  ...to,
  locale,
  ...matters[kind],
});

/** Sample messages of every kind, with every kind of factor: to check templates with. */
export const samples = (locale: string | null): Message[] => [
  ...messageKinds.map((kind) => sampleOf(kind, locale)),
  // Changes with an undo link, and changes without one.
  { ...to, locale, kind: 'email-changed', email, circumstances },
  { ...to, locale, kind: 'password-changed', undo: { ...link, lasts: 604_800 }, circumstances },
  { ...to, locale, kind: 'account-deleted', circumstances },
  { ...to, locale, kind: 'webhook-disabled', endpoint: 'crm.example.com', why: 'gone' },
  { ...to, locale, kind: 'test-letter', sample: 'new-device' },
  ...(['factor-added', 'factor-removed'] as const).flatMap((kind) =>
    factors.map((factor): Message => ({
      ...to,
      locale,
      kind,
      factor: { kind: factor, name: null },
      circumstances,
    })),
  ),
];
