/** When, where and with what something was done, as far as known. */
export interface EventDetails {
  /** ISO 8601. */
  at: string;
  ip: string | null;
  /** Names from our own list, never text from the client. */
  browser: string | null;
  system: string | null;
}

/** Messages that expire. */
interface Passing {
  /** Seconds. */
  lasts: number;
  /** ISO 8601. The message is dropped if it was not sent by then. */
  expiresAt: string;
}

/** A single-use link. */
export interface TokenLink extends Passing {
  token: string;
}

/** An authentication factor besides the password; `identity` is an account at another provider. */
export interface FactorDisplay {
  kind: 'totp' | 'passkey' | 'recovery-codes' | 'identity';
  /** The owner's name for it. */
  name: string | null;
}

/** What was removed, by kind. */
export type RemovedDisplay = Record<'passkeys' | 'totp' | 'identities' | 'apiKeys' | 'apps', number>;

/** Content of each kind of message, as stored in the outbox. */
export type MessagePayload =
  | { kind: 'verify-email'; link: TokenLink }
  /** An operator created the account; the link sets its password. */
  | { kind: 'invitation'; link: TokenLink }
  | { kind: 'password-reset' | 'sign-in-link'; link: TokenLink; circumstances: EventDetails }
  /** To the old address. `email` is the new one. */
  | { kind: 'email-change-requested'; email: string; circumstances: EventDetails }
  /** The same, after the change; `undo` reverses it. */
  | { kind: 'email-changed'; email: string; undo?: TokenLink; circumstances: EventDetails }
  /** `undo` is present when the old password was not asked for. */
  | { kind: 'password-changed'; undo?: TokenLink; circumstances: EventDetails }
  | { kind: 'new-device'; circumstances: EventDetails }
  /** What was removed because it was set before the owner proved the address: counts by kind. */
  | { kind: 'account-cleared'; removed: RemovedDisplay; circumstances: EventDetails }
  /** `undo` is present when the signed-in owner requested the deletion. */
  | { kind: 'account-deleted'; undo?: TokenLink; circumstances: EventDetails }
  | { kind: 'factor-added' | 'factor-removed'; factor: FactorDisplay; circumstances: EventDetails }
  /** `left` is how many codes remain. */
  | { kind: 'recovery-code-used'; left: number; circumstances: EventDetails }
  /** Somebody tried to register this address again. */
  | { kind: 'account-exists'; circumstances: EventDetails }
  /** Somebody asked for a password reset or an account, but the account of this address is still at a legacy source. */
  | { kind: 'account-elsewhere'; circumstances: EventDetails }
  /** To operators: a webhook endpoint was disabled. */
  | { kind: 'webhook-disabled'; endpoint: string; why: 'gone' | 'failing' }
  /** A test letter: shows that mail arrives, and how another kind of message looks with sample data. */
  | { kind: 'test-letter'; sample: SampleKind | null }
  /** An operator is viewing as the person: who, and why. */
  | { kind: 'account-viewed'; by: string; reason: string; at: string }
  /** An operator asks for permission to view as the person. */
  | { kind: 'view-requested'; by: string; reason: string; request: Passing }
  /** A client asks to sign the person in (CIBA). */
  | { kind: 'login-requested'; app: string; bindingMessage: string | null; request: Passing };

export type MessageKind = MessagePayload['kind'];
/** Kinds of messages that a test letter can show. */
export type SampleKind = Exclude<MessageKind, 'test-letter'>;

export interface Recipient {
  to: string;
  /** Name of the recipient; null when it is not certain. */
  person: string | null;
  /** BCP 47 tag of the recipient's language, if known. */
  locale: string | null;
}

/** A message in the outbox, as JSON. It is rendered when it is sent. */
export type Message = Recipient & MessagePayload;

export const messageKinds = [
  'verify-email',
  'invitation',
  'password-reset',
  'sign-in-link',
  'email-change-requested',
  'email-changed',
  'password-changed',
  'account-cleared',
  'account-deleted',
  'new-device',
  'factor-added',
  'factor-removed',
  'recovery-code-used',
  'account-exists',
  'account-elsewhere',
  'login-requested',
  'account-viewed',
  'view-requested',
  'webhook-disabled',
  'test-letter',
] as const satisfies readonly MessageKind[];
