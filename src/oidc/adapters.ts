import { decodeJwt } from 'jose';
import { errors, Provider, type Adapter, type AdapterFactory, type AdapterPayload } from 'oidc-provider';
import type { SharedClock } from '../core/clock.ts';
import { isAnswer, type Replies } from '../core/replies.ts';
import type { AdapterFactory as StoreFactory, Payload } from '../storage/oidc/adapter.ts';
import { AlreadyConsumed, GrantGone, ReplayDetected } from '../storage/oidc/record.ts';
import type { RegisteredClients } from '../domain/registered-clients.ts';
import { registrationRecords } from './clients/registration/records.ts';
import type { ClientRegistry } from './clients/registry.ts';
import type { ReadAhead } from './read-ahead.ts';
import type { createRedemption } from './redemption.ts';
import { type Override, shape } from './overrides/override.ts';

/** Turns a lost race into the protocol's error; passes any other error on. */
function inProtocolWords(model: string, error: unknown): never {
  if (error instanceof AlreadyConsumed) {
    if (model === 'PushedAuthorizationRequest')
      throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used');
    throw new errors.InvalidGrant('already used');
  }
  if (error instanceof GrantGone) throw new errors.InvalidGrant('the grant has ended');
  throw error;
}

/** The library's adapters over our stores: single-use redemption with the library's errors, clients from the registry. */
export function createAdapterFactory({
  stores,
  clients,
  registered,
  redemption,
  readAhead,
  clock,
  observe,
}: {
  /** Stores of all models except clients. */
  stores: StoreFactory;
  clients: ClientRegistry;
  registered: RegisteredClients;
  /** How single-use records are consumed, by model. */
  redemption: ReturnType<typeof createRedemption>;
  readAhead: ReadAhead;
  clock: Pick<SharedClock, 'skew'>;
  /** Observes the duration of each store call in seconds. */
  observe(model: string, operation: string, seconds: number): void;
}): AdapterFactory {
  /** Whole seconds by which this machine's clock is ahead of the database's. */
  const ahead = () => Math.round(clock.skew() / 1000);
  return (model) => {
    if (model === 'Client') return clientAdapter(clients, registered);
    const store = stores(model);
    const redeem = model === 'RefreshToken' ? redemption.shared : redemption.exclusive;
    const call = async <T>(operation: string, work: Promise<T>): Promise<T> => {
      const startedAt = performance.now();
      try {
        return await work;
      } catch (error) {
        return inProtocolWords(model, error);
      } finally {
        observe(model, operation, (performance.now() - startedAt) / 1000);
      }
    };
    const read = async (id: string): Promise<Payload | undefined> => {
      if (model === 'Grant') return readAhead.grant(id) ?? store.find(id);
      if (model === 'Session') return readAhead.browserSession(id) ?? store.find(id);
      const found = await ((model === 'RefreshToken' && readAhead.refreshToken(id)) || store.find(id));
      readAhead.start(model, found);
      return found;
    };
    const change = (operation: string, work: Promise<void>) => {
      if (model === 'Grant' || model === 'Session') readAhead.forget();
      return call(operation, work);
    };
    return {
      upsert: (id, payload, expiresIn) =>
        change('upsert', store.upsert(id, shifted(payload, -ahead()), expiresIn)),
      find: async (id) => preciselyConsumed(shifted(await call('find', read(id)), ahead())),
      findByUid: async (uid) =>
        shifted(await call('find', readAhead.session(uid) ?? store.findByUid(uid)), ahead()),
      findByUserCode: async (code) => shifted(await call('find', store.findByUserCode(code)), ahead()),
      consume: (id) => call('consume', redeem(store, id)),
      destroy: (id) => change('destroy', store.destroy(id)),
      revokeByGrantId: (grantId) => call('revoke', store.revokeByGrantId(grantId)),
    };
  };
}

/**
 * The library compares a record's `exp` with this machine's clock; in the store it follows the clock that all nodes share.
 * @param seconds to shift it by.
 */
function shifted<P extends AdapterPayload | undefined>(payload: P, seconds: number): P {
  return seconds !== 0 && typeof payload?.exp === 'number'
    ? { ...payload, exp: payload.exp + seconds }
    : payload;
}

/**
 * The library asks only whether a record was consumed. The grace of refresh tokens also needs the moment, in seconds with
 * fractions, and that of a claim that is not settled.
 */
function preciselyConsumed(payload: AdapterPayload | void): AdapterPayload | undefined {
  if (!payload) return undefined;
  const { consumedAt, claimedAt, ...rest } = payload as AdapterPayload & {
    consumedAt?: number;
    claimedAt?: number;
  };
  if (consumedAt !== undefined) rest['consumed'] = consumedAt / 1000;
  if (claimedAt !== undefined) rest['claimed'] = claimedAt / 1000;
  return rest;
}

function clientAdapter(clients: ClientRegistry, registered: RegisteredClients): Adapter {
  const refuse = async (): Promise<never> => {
    throw new Error('clients are found by their id alone');
  };
  return {
    find: async (id) => clients.metadata(id),
    ...registrationRecords({ clients, registered }),
    consume: refuse,
    findByUid: refuse,
    findByUserCode: refuse,
    revokeByGrantId: refuse,
  };
}

/** The `jti` of the proof of possession that this request came with (RFC 9449), read and not verified. */
function proofJti(): string | undefined {
  try {
    return decodeJwt(Provider.ctx?.get('DPoP') ?? '').jti;
  } catch {
    return undefined;
  }
}

/**
 * A `jti` seen before is a replay; the store's insert decides, not the library's look before it. For a DPoP proof the error is
 * that of RFC 9449 section 5, where the library says `invalid_grant`.
 */
function installReplayDetection(provider: Provider, replies: Pick<Replies, 'after'>): void {
  const { ReplayDetection } = provider;
  const unique = ReplayDetection.unique.bind(ReplayDetection);
  const { save } = ReplayDetection.prototype;
  Object.assign(ReplayDetection.prototype, {
    async save(this: InstanceType<Provider['ReplayDetection']>, ...args: Parameters<typeof save>) {
      const saved = await save.apply(this, args);
      // A client repeats it with a request that got no answer.
      await replies.after(async (status) => {
        if (!isAnswer(status)) await this.destroy();
      });
      return saved;
    },
  });
  ReplayDetection.unique = async (iss, jti, exp) => {
    const isUnique = await unique(iss, jti, exp).catch((error: unknown) => {
      if (error instanceof ReplayDetected) return false;
      throw error;
    });
    if (!isUnique && jti === proofJti()) throw new errors.InvalidDpopProof('the proof was already used');
    return isUnique;
  };
}

export const replayDetection: Override<{ replies: Pick<Replies, 'after'> }> = {
  name: 'replay-detection',
  why: 'the library checks before it writes, so two concurrent requests would both pass',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('ReplayDetection.unique', 'ReplayDetection.prototype.save'),
  install: (provider, { replies }) => installReplayDetection(provider, replies),
};
