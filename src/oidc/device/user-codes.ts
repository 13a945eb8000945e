import { errors, Provider } from 'oidc-provider';
import type { GuessLimit } from '../../domain/guess-limit.ts';
import { isDomainError } from '../../kernel/errors.ts';

/** Too many codes were tried (RFC 8628 section 5.1). */
export class GuessesExhausted extends errors.OIDCProviderError {
  /** Seconds. */
  readonly retryAfter: number;

  constructor(retryAfter: number, options: ErrorOptions) {
    super(429, 'temporarily_unavailable', options);
    this.error_description = 'too many codes were tried; try again later';
    this.retryAfter = retryAfter;
  }
}

/** Bounds guessing at user codes, by where it comes from and by the account that is signed in. */
export function installUserCodeLimit(provider: Provider, limit: GuessLimit): void {
  const Model = provider.DeviceCode;
  const findByUserCode = Model.findByUserCode.bind(Model);
  Object.assign(Model, {
    async findByUserCode(...args: Parameters<typeof findByUserCode>) {
      const ctx = Provider.ctx;
      const guesser = {
        ip: ctx?.get('X-Forwarded-For') ?? null,
        accountId: ctx?.oidc.session?.accountId ?? null,
      };
      try {
        return await limit('user-code', guesser, () => findByUserCode(...args));
      } catch (error) {
        if (!isDomainError(error, 'rate_limited')) throw error;
        throw new GuessesExhausted(error.details.retryAfter ?? 60, { cause: error });
      }
    },
  });
}
