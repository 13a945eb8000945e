import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { SharedClock } from '../core/clock.ts';
import { DomainError, isDomainError } from '../core/errors.ts';
import type { ProviderPages } from './configuration.ts';
import { PUBLIC_DOCUMENTS } from './endpoints.ts';
import type { Extension } from './overrides/override.ts';
import { isSessionSaved } from './sessions/browser-session.ts';

interface Dependencies {
  /** Whether an error is the outage of a store. */
  isUnavailable(error: unknown): boolean;
  page: ProviderPages['error'];
}

/** Seconds. */
const RETRY_AFTER = 5;

const REPLY = {
  error: 'temporarily_unavailable',
  error_description: 'A required service is not available; try again shortly',
};

/** Whether a person sees the reply. The Accept header of programs is no help: some libraries name HTML first. */
const isVisit = (ctx: KoaContextWithOIDC): boolean =>
  ctx.accepts('json', 'html') === 'html' &&
  (ctx.method === 'GET' || ctx.get('Sec-Fetch-Mode') === 'navigate');

/** The outage of a store is 503 with Retry-After and the error code of RFC 6749 section 4.1.2.1, not the library's 500. */
function installFailureReplies(provider: Provider, { isUnavailable, page }: Dependencies): void {
  const failures = new WeakMap<object, Error>();
  provider.on('server_error', (ctx: KoaContextWithOIDC, error: Error) => failures.set(ctx, error));
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    let failure: unknown;
    try {
      await next();
      failure = failures.get(ctx);
    } catch (error) {
      failure = error;
      if (!isOutage(error)) throw error;
    }
    if (!failure || !isOutage(failure)) return;
    ctx.status = 503;
    ctx.set('Retry-After', String(RETRY_AFTER));
    ctx.set('Cache-Control', 'no-store');
    // Drop the redirect: its page would look for a cookie that is not set.
    ctx.remove('Location');
    keepState(ctx);
    if (isVisit(ctx)) await page(ctx, REPLY);
    else ctx.body = REPLY;
  });

  /**
   * Keep the browser's cookies as they were: set none for a failed request, except a session that was saved under a
   * new id.
   */
  function keepState(ctx: KoaContextWithOIDC): void {
    const cookies = [ctx.response.get('Set-Cookie')].flat();
    ctx.remove('Set-Cookie');
    const name = provider.cookieName('session');
    const kept = cookies.filter((cookie) => isSessionSaved(ctx) && cookie.startsWith(name));
    if (kept.length > 0) ctx.set('Set-Cookie', kept);
  }

  function isOutage(error: unknown): boolean {
    return isDomainError(error, 'unavailable') || isUnavailable(error);
  }
}

export const failureReplies: Extension<
  Pick<Dependencies, 'isUnavailable'> & { pages: Pick<ProviderPages, 'error'> }
> = {
  name: 'failure-replies',
  why: 'the library answers the outage of a store with 500',
  install: (provider, { isUnavailable, pages }) =>
    installFailureReplies(provider, { isUnavailable, page: pages.error }),
};

/**
 * Rejects requests while this machine's clock is too far off: the library uses it and would misjudge codes, tokens and proofs.
 * @throws DomainError unavailable.
 */
function installClockGuard(provider: Provider, clock: Pick<SharedClock, 'isAstray'>): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    // Public documents contain no times.
    if (!PUBLIC_DOCUMENTS.has(ctx.path) && (await clock.isAstray())) throw new DomainError('unavailable');
    return next();
  });
}

export const clockGuard: Extension<{ clock: Pick<SharedClock, 'isAstray'> }> = {
  name: 'clock-guard',
  why: 'the library reads the clock of this machine, however wrong it is',
  install: (provider, { clock }) => installClockGuard(provider, clock),
};
