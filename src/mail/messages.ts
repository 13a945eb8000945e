/** Circumstances of an act, as far as known. */
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

/** A way to show who one is, besides the password; `identity` is one at another provider. */
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
  /** An operator has made the account; the link chooses its password. */
  | { kind: 'invitation'; link: TokenLink }
  | { kind: 'password-reset' | 'sign-in-link'; link: TokenLink; circumstances: EventDetails }
  /** To the old address. `email` is the new one. */
  | { kind: 'email-change-requested'; email: string; circumstances: EventDetails }
  /** Likewise, when it is done; `undo` takes it back. */
  | { kind: 'email-changed'; email: string; undo?: TokenLink; circumstances: EventDetails }
  /** `undo` where it was set without the old one. */
  | { kind: 'password-changed'; undo?: TokenLink; circumstances: EventDetails }
  | { kind: 'new-device'; circumstances: EventDetails }
  /** What was set on the account before its owner was known; how many of each. */
  | { kind: 'account-cleared'; removed: RemovedDisplay; circumstances: EventDetails }
  /** `undo` where somebody signed in as the owner deleted it. */
  | { kind: 'account-deleted'; undo?: TokenLink; circumstances: EventDetails }
  | { kind: 'factor-added' | 'factor-removed'; factor: FactorDisplay; circumstances: EventDetails }
  /** `left` is how many codes remain. */
  | { kind: 'recovery-code-used'; left: number; circumstances: EventDetails }
  /** Somebody tried to register this address again. */
  | { kind: 'account-exists'; circumstances: EventDetails }
  /** Somebody asked for a password or an account at this address, whose account is still at another service. */
  | { kind: 'account-elsewhere'; circumstances: EventDetails }
  /** To operators: nothing is sent to an address of theirs any more. */
  | { kind: 'webhook-disabled'; endpoint: string; why: 'gone' | 'failing' }
  /** An operator tries whether mail arrives, and how another kind of message looks with made-up data. */
  | { kind: 'test-letter'; sample: SampleKind | null }
  /** An operator views as the person: who, and why. */
  | { kind: 'account-viewed'; by: string; reason: string; at: string }
  /** An operator asks to. */
  | { kind: 'view-requested'; by: string; reason: string; request: Passing }
  /** An app asks to sign the person in. */
  | { kind: 'login-requested'; app: string; bindingMessage: string | null; request: Passing };

export type MessageKind = MessagePayload['kind'];
/** Kinds of messages that a test letter can be a sample of. */
export type SampleKind = Exclude<MessageKind, 'test-letter'>;

export interface Recipient {
  to: string;
  /** Name of the recipient; null when it is not certain. */
  person: string | null;
  /** The BCP 47 tag of the language they want, if known. */
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
