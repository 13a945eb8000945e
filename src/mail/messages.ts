/** Under which circumstances something was done, as far as they are known. */
export interface EventDetails {
  /** ISO 8601. */
  at: string;
  ip: string | null;
  /** Names that we know, never what a client says of itself. */
  browser: string | null;
  system: string | null;
}

/** What is over after a while. */
interface Passing {
  /** Seconds. */
  lasts: number;
  /** ISO 8601; a message that could not be sent until then is not sent. */
  expiresAt: string;
}

/** A link that serves once. */
export interface TokenLink extends Passing {
  token: string;
}

/** A way to show who one is, besides the password; `identity` is one at another provider. */
export interface FactorDisplay {
  kind: 'totp' | 'passkey' | 'recovery-codes' | 'identity';
  /** What its owner calls it. */
  name: string | null;
}

/** What was removed, by kind. */
export type RemovedDisplay = Record<'passkeys' | 'totp' | 'identities' | 'apiKeys' | 'apps', number>;

/** What a message tells, by its kind. Stored in the outbox. */
export type MessagePayload =
  | { kind: 'verify-email'; link: TokenLink }
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
  /** Somebody tried to have another account with this address. */
  | { kind: 'account-exists'; circumstances: EventDetails }
  /** An app asks to sign the person in. */
  | { kind: 'login-requested'; app: string; bindingMessage: string | null; request: Passing };

export type MessageKind = MessagePayload['kind'];

export interface Recipient {
  to: string;
  /** What to call the person; null when that is not known for sure. */
  person: string | null;
  /** The BCP 47 tag of the language they want, if known. */
  locale: string | null;
}

/** A message as the outbox keeps it: data that JSON can hold. The words are found when it is sent. */
export type Message = Recipient & MessagePayload;

export const messageKinds = [
  'verify-email',
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
  'login-requested',
] as const satisfies readonly MessageKind[];
