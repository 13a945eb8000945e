import { setTimeout as sleep } from 'node:timers/promises';
import { errors, Provider, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import { type Override, shape } from '../overrides/override.ts';

interface Dependencies {
  secrets: Secrets;
  clock: Clock;
  /** Seconds, for clients without their own setting. */
  grace: number;
}

/** `consumed`, `claimed`: when a reply with its successor was sent, or was begun, in seconds since the epoch. */
type RefreshToken = InstanceType<Provider['RefreshToken']> & { consumed?: unknown; claimed?: unknown };
type Find = (value: string, options?: object) => Promise<RefreshToken | undefined>;

/** The token request under way, if this is one. */
function tokenRequest(): KoaContextWithOIDC | undefined {
  const ctx = Provider.ctx;
  return ctx?.oidc.route === 'token' ? ctx : undefined;
}

/**
 * Refresh token rotation (RFC 9700 section 4.14.2) with a grace: a token that was just rotated and is repeated by the same
 * client gets the same successor, so a lost reply or a second tab logs nobody out. The successor is derived from the presented
 * token under a server key: nothing is stored in plain text, and parallel requests agree without communication. The grace begins
 * when a reply has been sent; until then the token may be repeated at any time, because its owner has no other. After the grace
 * the library sees a consumed token and ends the family.
 */
function installRefreshRotation(provider: Provider, { secrets, clock, grace }: Dependencies): void {
  const Model = provider.RefreshToken;
  const { IN_PAYLOAD } = Model as unknown as { IN_PAYLOAD: string[] };
  Object.defineProperty(Model, 'IN_PAYLOAD', { get: () => [...IN_PAYLOAD, 'claimed'] });
  const { generateTokenId, consume } = Model.prototype as unknown as {
    generateTokenId(this: RefreshToken): string;
    consume(this: RefreshToken): Promise<void>;
  };
  const find = Model.find.bind(Model) as Find;

  const graceOf = ({ oidc }: KoaContextWithOIDC): number =>
    (oidc.client as ExtraClientProperties | undefined)?.refresh_token_grace ?? grace;
  const since = (moment: unknown): number =>
    typeof moment === 'number' ? clock.now() / 1000 - moment : Infinity;
  // Nodes differ by some milliseconds, so a consumption may seem to lie ahead. Without a grace it counts as consumed.
  const isWithinGrace = (ctx: KoaContextWithOIDC, consumed: unknown): boolean =>
    graceOf(ctx) > 0 && since(consumed) < graceOf(ctx);
  const successorOf = (token: RefreshToken): string => secrets.mac('refresh-token-successor', token.jti);

  /** Claimed longer than the grace: the reply was never sent, or nobody could record that it was. */
  const isUnsettled = (ctx: KoaContextWithOIDC, { claimed }: RefreshToken): boolean =>
    claimed !== undefined && since(claimed) >= graceOf(ctx);

  Object.assign(Model, {
    async find(value: string, options?: object) {
      const ctx = tokenRequest();
      let token = await find(value, options);
      if (!token || !ctx) return token;
      // Without a grace, the time when the other reply is sent counts.
      for (let pause = 10; graceOf(ctx) === 0 && token?.claimed !== undefined && pause < 1_000; pause *= 2) {
        await sleep(pause);
        token = await find(value, options);
      }
      if (token && isUnsettled(ctx, token)) {
        // A used successor proves that the reply arrived.
        const successor = await find(successorOf(token), { ignoreExpiration: true });
        if (successor && (successor.consumed !== undefined || successor.claimed !== undefined))
          token.consumed = token.claimed;
      }
      if (token && isWithinGrace(ctx, token.consumed)) token.consumed = undefined;
      return token;
    },
  });

  Object.assign(Model.prototype, {
    generateTokenId(this: RefreshToken) {
      const rotated = tokenRequest()?.oidc.entities['RotatedRefreshToken'];
      return rotated ? successorOf(rotated) : generateTokenId.call(this);
    },
    async consume(this: RefreshToken) {
      try {
        await consume.call(this);
      } catch (error) {
        const ctx = tokenRequest();
        if (!(error instanceof errors.InvalidGrant) || !ctx) throw error;
        // A parallel request was first: within the grace both get the same successor.
        const current = await find(this.jti, { ignoreExpiration: true });
        if (!current || !isWithinGrace(ctx, current.consumed)) throw error;
      }
    },
  });
}

export const refreshRotation: Override<
  Omit<Dependencies, 'grace'> & { config: { refresh: Pick<Dependencies, 'grace'> } }
> = {
  name: 'refresh-rotation',
  why: 'the library has no grace period: a lost reply or a second tab would end the login',
  provenFor: '9.13.x',
  upstream: null,
  check: shape(
    'RefreshToken.find',
    'RefreshToken.prototype.generateTokenId',
    'RefreshToken.prototype.consume',
    'RefreshToken.IN_PAYLOAD.consumed',
  ),
  install: (provider, { secrets, clock, config }) =>
    installRefreshRotation(provider, { secrets, clock, grace: config.refresh.grace }),
};
