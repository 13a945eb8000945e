import { errors, Provider, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../kernel/clock.ts';
import type { Secrets } from '../../kernel/secrets.ts';
import type { ExtraClientProperties } from '../clients/metadata.ts';

interface Dependencies {
  secrets: Secrets;
  clock: Clock;
  /** Seconds, for clients that say nothing else. */
  grace: number;
}

type RefreshToken = InstanceType<Provider['RefreshToken']> & { consumed?: unknown };

/** The token request under way, if this is one. */
function tokenRequest(): KoaContextWithOIDC | undefined {
  const ctx = Provider.ctx;
  return ctx?.oidc.route === 'token' ? ctx : undefined;
}

/**
 * Refresh token rotation (RFC 9700 section 4.14.2) with a grace: a token that was just rotated and comes again from the
 * same client gets the same successor, so a lost reply or a second tab logs nobody out. The successor is derived from
 * the presented token under a server key: nothing is kept in clear, and parallel tries agree without talking.
 * After the grace the library sees a consumed token and ends the family.
 */
export function installRefreshRotation(provider: Provider, { secrets, clock, grace }: Dependencies): void {
  const Model = provider.RefreshToken;
  const { generateTokenId, consume } = Model.prototype as unknown as {
    generateTokenId(this: RefreshToken): string;
    consume(this: RefreshToken): Promise<void>;
  };
  const find = Model.find.bind(Model) as (
    value: string,
    options?: object,
  ) => Promise<RefreshToken | undefined>;

  const isWithinGrace = (token: RefreshToken, ctx: KoaContextWithOIDC): boolean => {
    const client = ctx.oidc.client as ExtraClientProperties | undefined;
    const seconds = client?.refresh_token_grace ?? grace;
    // Adapters report the moment of consumption with fractions of a second.
    return typeof token.consumed === 'number' && clock.now() / 1000 - token.consumed < seconds;
  };

  Object.assign(Model, {
    async find(value: string, options?: object) {
      const token = await find(value, options);
      const ctx = tokenRequest();
      if (token?.consumed && ctx && isWithinGrace(token, ctx)) token.consumed = undefined;
      return token;
    },
  });

  Object.assign(Model.prototype, {
    generateTokenId(this: RefreshToken) {
      const rotated = tokenRequest()?.oidc.entities['RotatedRefreshToken'];
      return rotated ? secrets.mac('refresh-token-successor', rotated.jti) : generateTokenId.call(this);
    },
    async consume(this: RefreshToken) {
      try {
        await consume.call(this);
      } catch (error) {
        const ctx = tokenRequest();
        if (!(error instanceof errors.InvalidGrant) || !ctx) throw error;
        // A parallel try was first: within the grace both get the same successor.
        const current = await find(this.jti, { ignoreExpiration: true });
        if (!current || !isWithinGrace(current, ctx)) throw error;
      }
    },
  });
}
