import { Provider } from 'oidc-provider';
import type { GuessLimit } from '../../domain/guess-limit.ts';
import { sourceOf } from '../../domain/source.ts';
import { orTooMany } from '../too-many.ts';
import { type Override, shape } from '../overrides/override.ts';

/** Wrong codes within ten minutes, of one source and of one account (RFC 8628 section 5.1): a code has 34 bits. */
const MOST = 20;

/** Bounds guessing at user codes. What is too much is `TooMany`. */
function installUserCodeLimit(provider: Provider, limit: GuessLimit): void {
  const Model = provider.DeviceCode;
  const findByUserCode = Model.findByUserCode.bind(Model);
  Object.assign(Model, {
    findByUserCode(...args: Parameters<typeof findByUserCode>) {
      const ctx = Provider.ctx;
      const accountId = ctx?.oidc.session?.accountId;
      const guessers = [
        `source:${sourceOf(ctx?.get('X-Forwarded-For') ?? null)}`,
        ...(accountId === undefined ? [] : [`account:${accountId}`]),
      ];
      return orTooMany(limit('user-code', guessers, MOST, () => findByUserCode(...args)));
    },
  });
}

export const userCodeLimit: Override<{ guessLimit: GuessLimit }> = {
  name: 'user-code-limit',
  why: 'the library does not bound guessing at user codes',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('DeviceCode.findByUserCode'),
  install: (provider, { guessLimit }) => installUserCodeLimit(provider, guessLimit),
};
