import { type Configuration, errors, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { GuessLimit } from '../../domain/lockout.ts';
import { sourceOf } from '../../domain/source.ts';
import { orTooMany, TooMany } from '../request-size.ts';
import { type Extension, type Override, shape } from '../overrides/override.ts';
import type { AuditType } from '../../storage/audit.ts';
import type { Stores } from '../../storage/stores.ts';
import { narrow } from '../../core/text.ts';
import { requestActor } from '../actor.ts';
import { ENDPOINTS } from '../endpoints.ts';
import { deviceOfRequest, type SessionDevice } from '../sessions/browser-session.ts';
import { isFormless } from '../sessions/form-state.ts';

/** Wrong codes within ten minutes, per source and per account (RFC 8628 section 5.1): a code has 34 bits. */
const MAX_WRONG_CODES = 20;

/** Bounds guesses at user codes. Throws `TooMany`. */
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
      return orTooMany(limit('user-code', guessers, MAX_WRONG_CODES, () => findByUserCode(...args)));
    },
  });
}

export const userCodeLimit: Override<{ guessLimit: GuessLimit }> = {
  name: 'user-code-limit',
  why: 'the library does not limit guesses of user codes',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('DeviceCode.findByUserCode'),
  install: (provider, { guessLimit }) => installUserCodeLimit(provider, guessLimit),
};

type Client = NonNullable<KoaContextWithOIDC['oidc']['client']>;
type Feature = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;

/** A form of the library: post `fields` to `action` with the person's input. */
export interface DeviceForm {
  action: string;
  fields: Record<string, string>;
}

/** Why a code is not accepted; `retryAfter` is in seconds. */
export type UserCodeProblem =
  | { kind: 'missing' | 'unknown' | 'expired' | 'used' | 'over' | 'failed' }
  | { kind: 'exhausted'; retryAfter: number };

/** The pages at `verification_uri` (RFC 8628 section 3.3), implemented by the transport. */
export interface DevicePages {
  /** Asks for the code, as `user_code`. */
  enter(
    ctx: KoaContextWithOIDC,
    form: DeviceForm,
    userCode: string,
    problem: UserCodeProblem | null,
  ): Promise<void>;
  /** Shows the requesting client: `confirm=yes` continues, `abort=yes` refuses. */
  confirm(
    ctx: KoaContextWithOIDC,
    form: DeviceForm,
    request: { client: Client; userCode: string; from: SessionDevice },
  ): Promise<void>;
  done(ctx: KoaContextWithOIDC, client: Client | undefined): Promise<void>;
  refused(ctx: KoaContextWithOIDC): Promise<void>;
  /** The form was open too long, or the browser sent no cookie with it. */
  stale(ctx: KoaContextWithOIDC): Promise<void>;
}

/** Two groups of four: 34 bits, and no vowels, so no words. */
const MASK = '****-****';

/** The library's errors for a code, by name: it does not export their classes. */
const PROBLEMS = new Map<string, UserCodeProblem>([
  ['NoCodeError', { kind: 'missing' }],
  ['NotFoundError', { kind: 'unknown' }],
  ['ExpiredError', { kind: 'expired' }],
  ['AlreadyUsedError', { kind: 'used' }],
]);

const shown = (code: string): string => `${code.slice(0, 4)}-${code.slice(4)}`;

/** The field names of the library's form, which comes as HTML. */
const formOf = ({ oidc }: KoaContextWithOIDC, fields: Record<string, string> = {}): DeviceForm => {
  const { secret } = (oidc.session?.state ?? {}) as { secret: string };
  return { action: oidc.urlFor('code_verification'), fields: { xsrf: secret, ...fields } };
};

function problemOf(error: Error | undefined): UserCodeProblem | null {
  if (!error) return null;
  if (error instanceof TooMany) return { kind: 'exhausted', retryAfter: error.retryAfter };
  const known = PROBLEMS.get(error.name);
  if (known) return known;
  return { kind: error instanceof errors.SessionNotFound ? 'over' : 'failed' };
}

/** The feature of the library. */
export function deviceFlow({ pages, audit }: Pick<Stores, 'audit'> & { pages: DevicePages }): Feature {
  const record = (ctx: KoaContextWithOIDC, type: AuditType): Promise<void> => {
    const { session, entities } = ctx.oidc;
    const subject = session?.accountId ?? null;
    const clientId = entities.DeviceCode?.clientId ?? null;
    const actor = requestActor(ctx, subject === null ? 'anonymous' : 'user', subject);
    return audit.record({ type, subject, clientId }, actor);
  };

  const showConfirm = (
    ctx: KoaContextWithOIDC,
    client: Client,
    from: SessionDevice,
    userCode: string,
  ): Promise<void> => pages.confirm(ctx, formOf(ctx, { user_code: userCode }), { client, userCode, from });

  /** The page of a link that contains the code (RFC 8628 section 3.3.1). It changes nothing. */
  async function showLinked(ctx: KoaContextWithOIDC, linked: string): Promise<void> {
    const { provider } = ctx.oidc;
    const enter = (problem: UserCodeProblem | null) => pages.enter(ctx, formOf(ctx), linked, problem);
    let code: Awaited<ReturnType<typeof provider.DeviceCode.findByUserCode>>;
    try {
      code = await provider.DeviceCode.findByUserCode(normalize(linked), { ignoreExpiration: true });
    } catch (error) {
      if (!(error instanceof TooMany)) throw error;
      return enter(problemOf(error));
    }
    if (!code) return enter({ kind: 'unknown' });
    if (code.isExpired) return enter({ kind: 'expired' });
    if (code.error !== undefined || code.accountId !== undefined || code.inFlight)
      return enter({ kind: 'used' });
    const client = await provider.Client.find(code.clientId ?? '');
    if (!client) return enter({ kind: 'unknown' });
    return showConfirm(ctx, client, code.deviceInfo as unknown as SessionDevice, shown(code.userCode));
  }

  return {
    enabled: true,
    charset: 'base-20',
    mask: MASK,
    deviceInfo: (ctx) => ({ ...deviceOfRequest((name) => ctx.req.headers[name]) }),
    async userCodeInputSource(ctx, _form, _out, error) {
      const isLost = error instanceof errors.SessionNotFound && ctx.oidc.session?.accountId === undefined;
      if ((error && ctx.method === 'POST' && isFormless(ctx)) || isLost) return pages.stale(ctx);
      if (error?.name === 'AbortedError') {
        await record(ctx, 'device.refused');
        return pages.refused(ctx);
      }
      const linked = linkedCodes.get(ctx);
      if (linked !== undefined && !error) {
        // Keep the query in the links to other languages.
        ctx.query = { ...ctx.query, user_code: linked };
        return showLinked(ctx, linked);
      }
      const input = (error as { userCode?: unknown } | undefined)?.userCode ?? ctx.oidc.params?.['user_code'];
      // The library drops full-width letters and digits, so it found nothing.
      if (error?.name === 'NotFoundError' && typeof input === 'string' && narrow(input) !== input)
        return showLinked(ctx, input);
      return pages.enter(ctx, formOf(ctx), typeof input === 'string' ? input : '', problemOf(error));
    },
    userCodeConfirmSource: (ctx, _form, client, from, userCode) =>
      showConfirm(ctx, client, from as unknown as SessionDevice, userCode),
    async successSource(ctx) {
      await record(ctx, 'device.authorized');
      await pages.done(ctx, ctx.oidc.client);
    },
  };
}

/** Normalizes a typed code as the library does, and full-width letters too: case, dashes and spaces do not matter. */
const normalize = (input: string): string => narrow(input).toUpperCase().replace(/\W/g, '');

const linkedCodes = new WeakMap<object, string>();

/** Hides a code in a link from the library, which would submit it by a script that our pages do not allow. */
function installDeviceLinks(provider: Provider): void {
  provider.use((ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    if (ctx.path === ENDPOINTS.code_verification && ctx.method === 'GET') {
      const { user_code: linked, ...query } = ctx.query;
      if (typeof linked === 'string' && linked !== '') linkedCodes.set(ctx, linked);
      ctx.query = query;
    }
    return next();
  });
}

export const deviceLinks: Extension<unknown> = {
  name: 'device-links',
  why: 'the library submits a code from a link by an inline script',
  install: installDeviceLinks,
};
