import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Clock } from '../core/clock.ts';
import { DomainError, isDomainError } from '../core/errors.ts';
import { sha256 } from '../core/ids.ts';
import { CLAIM_TTL, isAnswer, pollUntilKnown, type Replies } from '../core/replies.ts';
import { sourceOf } from '../domain/source.ts';
import type { Adapter } from '../storage/oidc/adapter.ts';
import { AlreadyClaimed } from '../storage/oidc/record.ts';
import type { Extension } from './overrides/override.ts';

/** Milliseconds after its claim within which a request may answer: well before another may claim. */
const ANSWERABLE = CLAIM_TTL - 2_000;

/** Deadline of each request, by `performance.now()`. */
const deadlines = new WeakMap<object, number>();

/** Where a request with a single-use record comes from, for its claim: the address, unreadable without the record's id. */
export const originOf = (ctx: KoaContextWithOIDC, id: string): string =>
  sha256(`${id} ${sourceOf(ctx.get('X-Forwarded-For'))}`);

/**
 * Uses up single-use records so that a failing request costs its caller nothing: the record is claimed, and counts as used once
 * the reply has been sent. An outage, or the loss of this process, frees it again.
 * @throws AlreadyConsumed; DomainError unavailable while another request is being answered with it.
 */
export type Redeem = (store: Adapter, id: string) => Promise<void>;

/**
 * @returns `exclusive` for what only one request may be answered with. `shared` for refresh tokens: parallel requests get the
 *   same successor; a refused one gets none.
 */
export function createRedemption({ replies, clock }: { replies: Pick<Replies, 'after'>; clock: Clock }): {
  exclusive: Redeem;
  shared: Redeem;
} {
  /** Settles the redemption when the reply is over. @param claimedAt the claim of this request, if it has one. */
  const settle = (
    store: Adapter,
    id: string,
    isUse: (status: number | null) => boolean,
    claimedAt: number | null,
  ): Promise<void> =>
    replies.after(async (status) => {
      if (isUse(status)) await store.consume(id, clock.now());
      else if (claimedAt !== null) await store.release(id, claimedAt);
    });

  async function claim(
    store: Adapter,
    id: string,
    isUse: (status: number | null) => boolean,
    from?: string,
  ): Promise<void> {
    const at = clock.now();
    try {
      await store.claim(id, at, from);
    } catch (error) {
      // The store may have done it although its reply was lost.
      if (isDomainError(error, 'unavailable')) await settle(store, id, () => false, at);
      throw error;
    }
    await settle(store, id, isUse, at);
  }

  return {
    async exclusive(store, id) {
      const { ctx } = Provider;
      const from = ctx && originOf(ctx, id);
      const deadline = await pollUntilKnown(async () => {
        const startedAt = performance.now();
        try {
          await claim(store, id, isAnswer, from);
          return startedAt + ANSWERABLE;
        } catch (error) {
          if (error instanceof AlreadyClaimed) return undefined;
          throw error;
        }
      });
      if (ctx) deadlines.set(ctx, deadline);
    },
    async shared(store, id) {
      const isUse = (status: number | null) => isAnswer(status) && status < 400;
      try {
        await claim(store, id, isUse);
      } catch (error) {
        if (!(error instanceof AlreadyClaimed)) throw error;
        await settle(store, id, isUse, null);
      }
    },
  };
}

/** Refuses to answer once the claim may have passed to another request. @throws DomainError unavailable. */
export function refuseOverdue(ctx: object): void {
  if (performance.now() > (deadlines.get(ctx) ?? Infinity)) throw new DomainError('unavailable');
}

function installRedemption(provider: Provider): void {
  provider.use(async (ctx: object, next: () => Promise<unknown>) => {
    await next();
    refuseOverdue(ctx);
  });
}

export const redemptionDeadline: Extension<unknown> = {
  name: 'redemption-deadline',
  why: 'a claim passes to another request after a while, and two must not be answered with one code',
  install: installRedemption,
};
