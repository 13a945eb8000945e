/** A record of oidc-provider, as JSON. */
export type Payload = Record<string, unknown>;

/** Store of one model of oidc-provider. Every method throws DomainError unavailable when the store is. */
export interface Adapter {
  /**
   * Writes a record that lives `expiresIn` seconds. Never makes a consumed record unconsumed or a claimed one free.
   * @throws GrantGone when its grant has ended; ReplayDetected for a model whose ids are used once.
   */
  upsert(id: string, payload: Payload, expiresIn?: number): Promise<void>;
  /**
   * The record, unless it has expired. A consumed one has `consumed` (seconds since the epoch) and `consumedAt` (milliseconds),
   * a claimed one `claimedAt` (milliseconds); both have `claimedFrom`.
   */
  find(id: string): Promise<Payload | undefined>;
  /** A session by its `uid`, without its id: read-only. */
  findByUid(uid: string): Promise<Payload | undefined>;
  findByUserCode(userCode: string): Promise<Payload | undefined>;
  /**
   * Claims the record for one request; one of parallel calls succeeds. The caller consumes or releases it within `CLAIM_TTL`
   * milliseconds; after that it can be claimed again.
   * @param at the time in milliseconds, which identifies the claim.
   * @param from where the request came from, in the caller's words; kept with the record.
   * @throws AlreadyConsumed when it was consumed, or is gone; AlreadyClaimed.
   */
  claim(id: string, at: number, from?: string): Promise<void>;
  /** Consumes a claimed record after its request was answered. @param at milliseconds. */
  consume(id: string, at: number): Promise<void>;
  /** Releases the claim of a request that got no answer, unless another has claimed it since. */
  release(id: string, at: number): Promise<void>;
  destroy(id: string): Promise<void>;
  /** Ends every record of the grant in this store, but not the grant. */
  revokeByGrantId(grantId: string): Promise<void>;
}

export type AdapterFactory = (model: string) => Adapter;
