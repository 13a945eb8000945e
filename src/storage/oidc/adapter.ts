/** A record as oidc-provider has it: JSON. */
export type Payload = Record<string, unknown>;

/** What oidc-provider asks of a store, for one model. Each of them throws DomainError unavailable when the store is. */
export interface Adapter {
  /**
   * Writes a record that lives `expiresIn` seconds. Never makes a consumed record unconsumed.
   * @throws GrantGone when its grant has ended; ReplayDetected for a model whose ids are used once.
   */
  upsert(id: string, payload: Payload, expiresIn?: number): Promise<void>;
  /**
   * The record, unless it has expired; of a consumed one also `consumed` (seconds since the epoch) and `consumedAt`
   * (milliseconds).
   */
  find(id: string): Promise<Payload | undefined>;
  /** A session by its `uid`, without its id: for looking at, not for saving. */
  findByUid(uid: string): Promise<Payload | undefined>;
  findByUserCode(userCode: string): Promise<Payload | undefined>;
  /** Of any number of parallel calls one succeeds. @throws AlreadyConsumed for the others, and when it is gone. */
  consume(id: string): Promise<void>;
  destroy(id: string): Promise<void>;
  /** Ends every record of the grant in this store; the grant itself lives on. */
  revokeByGrantId(grantId: string): Promise<void>;
}

export type AdapterFactory = (model: string) => Adapter;
