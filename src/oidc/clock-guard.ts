import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { SharedClock } from '../core/clock.ts';
import { DomainError } from '../core/errors.ts';
import type { Extension } from './overrides/override.ts';
import { PUBLIC_DOCUMENTS } from './endpoints.ts';

/**
 * Serves nothing while this machine's clock is too far off: the library reads it, so what it would say of codes, tokens and
 * proofs were wrong. @throws DomainError unavailable.
 */
function installClockGuard(provider: Provider, clock: Pick<SharedClock, 'isAstray'>): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    // Public documents hold no times.
    if (!PUBLIC_DOCUMENTS.has(ctx.path) && (await clock.isAstray())) throw new DomainError('unavailable');
    return next();
  });
}

export const clockGuard: Extension<{ clock: Pick<SharedClock, 'isAstray'> }> = {
  name: 'clock-guard',
  why: 'the library reads the clock of this machine, however wrong it is',
  install: (provider, { clock }) => installClockGuard(provider, clock),
};
