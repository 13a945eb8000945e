/** Who acts for somebody, and who acted before (RFC 8693 section 4.1). */
export interface ActClaim {
  sub: string;
  act?: ActClaim;
}

/** Where requests and commands come in, besides the contracts. */
export const CHANNELS = ['oidc', 'pages', 'console', 'api', 'scim', 'cli', 'system'] as const;

export type Channel = (typeof CHANNELS)[number] | `contract:${string}`;

/** Who acts, from where, through which door. Every change takes an actor, so that no audit row can be forgotten. */
export interface Actor {
  kind: 'anonymous' | 'user' | 'client' | 'operator' | 'system';
  /** The account's UUID, the client_id, or the operator's login name. */
  id: string | null;
  /** A `Channel`; tests have their own. */
  door: string;
  ip: string | null;
  userAgent: string | null;
  requestId: string | null;
  /** Whether a person acts as an operator, on others' accounts. */
  isOperator?: boolean;
  /** The client that sent the person to the page, if any. */
  clientId?: string | undefined;
  /** Who acts for the account by its token, if anybody does. */
  act?: ActClaim;
  /** The audit event whose change this reverts. */
  putsBack?: string;
}

export const systemActor: Actor = {
  kind: 'system',
  id: null,
  door: 'system',
  ip: null,
  userAgent: null,
  requestId: null,
};
