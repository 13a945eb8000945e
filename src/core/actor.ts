/** Who acts, from where, through which door: travels with every change so that audit rows cannot be forgotten. */
export interface Actor {
  kind: 'anonymous' | 'user' | 'client' | 'operator' | 'system';
  /** The account's UUID, the client_id, or the operator's login name. */
  id: string | null;
  /** The door: `oidc`, `pages`, `cli`, `system`, `contract:<name>`, `api`. */
  door: string;
  ip: string | null;
  userAgent: string | null;
  requestId: string | null;
  /** Whether a person acts as an operator: on accounts of others. */
  isOperator?: boolean;
  /** The client on whose behalf it happens, where pages are opened for one. */
  clientId?: string | undefined;
  /** The event of the audit whose change this takes back. */
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
