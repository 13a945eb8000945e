import type { JWK } from 'jose';
import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import { shortIdOf } from '../core/ids.ts';
import type { Progress } from '../core/progress.ts';
import { SIGNING_ALGS } from '../core/tokens.ts';
import type { Audit } from '../storage/audit.ts';
import type { InTransaction, Tx } from '../storage/postgres/transaction.ts';
import type { SigningKeyRecord, SigningKeys } from '../storage/signing-keys.ts';

export interface KeyState extends SigningKeyRecord {
  state: 'published' | 'signing' | 'retiring';
}

export interface Keys {
  /** Private JWKs for the provider; within each algorithm the signing one comes first. */
  jwks: JWK[];
  /** The JWK Set as published (RFC 7517), without private parts. */
  publicJwks: JWK[];
  /** Public keys that have left the JWK Set, because everything they signed has expired. */
  retiredJwks: JWK[];
  /** When the next scheduled change of keys is due, in milliseconds since the epoch. */
  changesAt: number;
}

interface Dependencies {
  store: SigningKeys;
  inTransaction: InTransaction;
  audit: Audit;
  clock: Clock;
  /** Seconds between publication and the first signature. */
  lead: number;
  /** Seconds that a key signs before the next one takes over by itself. */
  lifetime: number;
  /** Lifetime of the longest-lived token in seconds. A key stays published that long after its last signature. */
  longestToken: number;
  /** Seconds to keep a public key after that, to verify expired ID tokens used as `id_token_hint`. */
  kept: number;
  /** Tells every node that the keys have changed, once the transaction commits. */
  announce(tx: Tx): Promise<void>;
  progress: Progress;
}

async function generate(alg: string): Promise<{ kid: string; publicJwk: JWK; privateJwk: JWK }> {
  // Keys are created rarely and read at every start.
  const { calculateJwkThumbprint, exportJWK, generateKeyPair } = await import('jose');
  const pair = await generateKeyPair(alg, {
    extractable: true,
    ...(/^[RP]S/.test(alg) ? { modulusLength: 2048 } : {}),
  });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = shortIdOf(await calculateJwkThumbprint(publicJwk));
  const common = { kid, alg, use: 'sig' };
  return {
    kid,
    publicJwk: { ...publicJwk, ...common },
    privateJwk: { ...(await exportJWK(pair.privateKey)), ...common },
  };
}

/** The latest key of an algorithm that may already sign; if none may, the first. */
function signingKid(keys: SigningKeyRecord[], alg: string, now: number): string | undefined {
  const sameAlg = keys.filter((key) => key.alg === alg);
  const ready = sameAlg.filter((key) => key.activatesAt.getTime() <= now);
  return (ready.toSorted((a, b) => b.activatesAt.getTime() - a.activatesAt.getTime())[0] ?? sameAlg[0])?.kid;
}

/** The provider's signing keys: made, published, put to work and retired in time, on all nodes alike. */
export class KeyRing {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Reads the keys. @throws StartupError when SECRETS_KEY does not open them. */
  async load(): Promise<Keys> {
    const { store, clock, lifetime, lead } = this.#deps;
    const now = clock.now();
    const [keys, retired] = await Promise.all([store.open(now), store.retired(now)]);
    const signing = new Set(SIGNING_ALGS.map((alg) => signingKid(keys, alg, now)));
    const ordered = keys.toSorted((a, b) => Number(signing.has(b.kid)) - Number(signing.has(a.kid)));
    const moments = keys.flatMap((key) => [
      key.activatesAt.getTime(),
      key.expiresAt?.getTime() ?? key.activatesAt.getTime() + (lifetime - lead) * 1000,
    ]);
    return {
      jwks: ordered.map((key) => key.privateJwk as JWK),
      publicJwks: ordered.map((key) => key.publicJwk as JWK),
      retiredJwks: retired,
      changesAt: Math.min(...moments.filter((moment) => moment > now)),
    };
  }

  /** Every published key with its current state. */
  async list(): Promise<KeyState[]> {
    const now = this.#deps.clock.now();
    const keys = await this.#deps.store.list(now);
    return keys.map((key) => {
      if (signingKid(keys, key.alg, now) === key.kid) return { ...key, state: 'signing' };
      return { ...key, state: key.activatesAt.getTime() > now ? 'published' : 'retiring' };
    });
  }

  /**
   * Makes the next key of every algorithm. Each is published now and signs after the lead time; what signed before
   * stays published until its last token has expired.
   */
  async rotate(actor: Actor): Promise<SigningKeyRecord[]> {
    const fresh = await Promise.all(SIGNING_ALGS.map(generate));
    return this.#deps.inTransaction(async (tx) => {
      await this.#deps.store.lock(tx);
      return this.#add(fresh, this.#deps.lead, actor, tx);
    });
  }

  /**
   * Ends a key early. A key that is only published can always be removed. One that has signed needs `force`, because its
   * signatures no longer verify; one that signs now also needs a published successor, which takes over at once.
   * @returns the key as it was, and what breaks: access tokens and ID tokens that live until that moment, or null.
   * @throws DomainError key_not_found, in_use.
   */
  async retire(
    kid: string,
    { force, reason }: { force: boolean; reason: string | null },
    actor: Actor,
  ): Promise<{ key: KeyState; breaksUntil: Date | null }> {
    const { store, clock, audit, inTransaction, longestToken, announce } = this.#deps;
    return inTransaction(async (tx) => {
      await store.lock(tx);
      const now = clock.now();
      const keys = await this.list();
      const key = keys.find((one) => one.kid === kid);
      if (!key) throw new DomainError('key_not_found');
      const others = keys.filter((one) => one.alg === key.alg && one.kid !== kid);
      const next = others.findLast(({ state }) => state === 'published');
      if (key.state === 'signing' && !next)
        throw new DomainError('in_use', {
          reason: 'it is signing, and no published key can take over: rotate first',
        });
      const breaksUntil =
        key.state === 'published' ? null : (key.expiresAt ?? new Date(now + longestToken * 1000));
      if (breaksUntil && !force)
        throw new DomainError('in_use', {
          reason: `tokens that it signed may be valid until ${breaksUntil.toISOString()}: wait, or use force`,
        });
      await store.delete(kid, tx);
      if (key.state === 'signing' && next) await store.activate(next.kid, new Date(now), tx);
      // The newest remaining key has no successor to give way to.
      const newest = others.toSorted((a, b) => b.activatesAt.getTime() - a.activatesAt.getTime())[0];
      if (newest) await store.keep(newest.kid, tx);
      await audit.record(
        {
          type: 'key.retired',
          details: {
            kid,
            alg: key.alg,
            before: { state: key.state },
            ...(reason === null ? {} : { reason }),
          },
        },
        actor,
        tx,
      );
      await announce(tx);
      return { key, breaksUntil };
    });
  }

  /** Makes the first keys, replaces keys at the end of their life, and drops those that have left the JWKS. */
  async maintain(actor: Actor): Promise<void> {
    const { store, clock, inTransaction, lifetime, lead, kept, progress } = this.#deps;
    const due = async (): Promise<string[]> => {
      const now = clock.now();
      const keys = await store.list(now);
      return SIGNING_ALGS.filter((alg) => {
        const newest = Math.max(
          ...keys.filter((key) => key.alg === alg).map((key) => key.activatesAt.getTime()),
          0,
        );
        return newest + (lifetime - lead) * 1000 <= now;
      });
    };
    const missing = await due();
    if (missing.length > 0) {
      progress('Creating the signing keys');
      const fresh = await Promise.all(missing.map(generate));
      await inTransaction(async (tx) => {
        await store.lock(tx);
        const still = new Set(await due());
        const wanted = fresh.filter((key) => still.has(key.publicJwk.alg ?? ''));
        if (wanted.length > 0) await this.#add(wanted, lead, actor, tx);
      });
    }
    await store.deleteExpired(clock.now(), kept);
  }

  async #add(
    fresh: { kid: string; publicJwk: JWK; privateJwk: JWK }[],
    lead: number,
    actor: Actor,
    tx: Tx,
  ): Promise<SigningKeyRecord[]> {
    const { store, clock, audit, longestToken, announce } = this.#deps;
    const now = clock.now();
    const known = await store.list(now);
    const added = [];
    for (const { kid, publicJwk, privateJwk } of fresh) {
      const alg = publicJwk.alg ?? '';
      const isFirst = !known.some((key) => key.alg === alg);
      const activatesAt = new Date(isFirst ? now : now + lead * 1000);
      added.push(
        await store.create(
          { kid, alg, publicJwk: { ...publicJwk }, privateJwk: { ...privateJwk }, activatesAt },
          tx,
        ),
      );
      await store.expireOthers(alg, kid, new Date(activatesAt.getTime() + longestToken * 1000), tx);
    }
    await audit.record({ type: 'key.rotated', details: { kids: added.map((key) => key.kid) } }, actor, tx);
    await announce(tx);
    return added;
  }
}
