import { type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Settings } from '../../../config/index.ts';
import { newUuid, randomToken, sha256 } from '../../../core/ids.ts';
import type { GuessLimit } from '../../../domain/lockout.ts';
import { sourceOf } from '../../../domain/source.ts';
import { ENDPOINTS } from '../../endpoints.ts';
import { type Override, shape } from '../../overrides/override.ts';
import { orTooMany } from '../../request-size.ts';
import type { Metadata } from './metadata.ts';
import type { ApiRegistry } from '../../tokens/apis.ts';
import { createPolicyCheck, OPEN_APIS, type ScopeSources } from './policy.ts';
import type { StatementReader } from './statements.ts';

/** Seconds that a browser may cache the preflight. */
const MAX_AGE = 3600;

const fixed = {
  'Access-Control-Allow-Headers': 'Authorization, Content-Type',
  'Access-Control-Max-Age': String(MAX_AGE),
};

/**
 * Allows pages of any origin: there is no client yet whose origins could be compared, and the endpoint takes a token in the
 * request, never a cookie (Fetch standard, CORS protocol).
 * @param methods of the endpoint
 * @returns whether it was a preflight, which is answered now.
 */
export function answerCors(ctx: KoaContextWithOIDC, methods: string): boolean {
  ctx.set('Access-Control-Allow-Origin', '*');
  if (ctx.method !== 'OPTIONS') {
    ctx.set('Access-Control-Expose-Headers', 'WWW-Authenticate, Retry-After');
    return false;
  }
  ctx.set({ ...fixed, 'Allow': `${methods}, OPTIONS`, 'Access-Control-Allow-Methods': methods });
  ctx.status = 204;
  return true;
}

type Token = InstanceType<Provider['RegistrationAccessToken']>;

/**
 * A registration access token ends when its successor has been saved (RFC 7592 section 2.2). The library ends it earlier; a
 * client whose update failed in between could never manage itself again.
 */
export function installTokenRotation({ RegistrationAccessToken }: Provider): void {
  const { destroy, save } = RegistrationAccessToken.prototype;
  const rotated = () => Provider.ctx?.oidc.entities['RotatedRegistrationAccessToken'];
  Object.assign(RegistrationAccessToken.prototype, {
    async destroy(this: Token) {
      if (rotated() !== this) await destroy.call(this);
    },
    async save(this: Token) {
      const id = await save.call(this);
      const old = rotated();
      if (old) await destroy.call(old);
      return id;
    },
  });
}

type RegistrationSettings = Settings['clientRegistration'];
type Features = NonNullable<Configuration['features']>;

const PATH = ENDPOINTS.registration;

/** The name of the configured policy for registration without a token. */
const DEFAULT_POLICY = 'default';

/** The names of policies for registration without a token: open to all, or only for open APIs. Neither can be configured. */
const WITHOUT_TOKEN = { all: 'open:all', apis: 'open:apis' };

/** Placeholder where no initial access token is needed. */
const NO_TOKEN = 'open';

/** Registrations without a token per source in ten minutes. */
const MAX_REGISTRATIONS = 20;

/** Dynamic registration, for the library: always by policy, with management; the token changes with each update. */
export function registrationFeatures(
  { policies }: RegistrationSettings,
  scopes: ScopeSources,
  readStatement: StatementReader,
): Pick<Features, 'registration' | 'registrationManagement'> {
  const open = policies[DEFAULT_POLICY];
  const checks = {
    ...Object.fromEntries(
      Object.entries(policies).map(([name, policy]) => [
        name,
        createPolicyCheck(policy, 'token', scopes, readStatement),
      ]),
    ),
    ...(open && { [WITHOUT_TOKEN.all]: createPolicyCheck(open, 'open', scopes, readStatement) }),
    [WITHOUT_TOKEN.apis]: createPolicyCheck(OPEN_APIS, 'open', scopes, readStatement),
  };
  return {
    registration: {
      enabled: true,
      initialAccessToken: true,
      issueRegistrationAccessToken: true,
      policies: checks,
      idFactory: newUuid,
      secretFactory: () => randomToken(),
    },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: true },
  };
}

/** A reply with the metadata as the client knows it: scopes of APIs among the others, and no hash in place of the secret. */
function presented(
  { api_scope: named, registration: _registration, ...metadata }: Metadata,
  secretHash: string | undefined,
  apis: Pick<ApiRegistry, 'dynamic'>,
): Metadata {
  const scopes = [metadata['scope'], named, ...apis.dynamic.map((api) => api.scopes.join(' '))];
  const scope = [...new Set(scopes.join(' ').split(' ').filter(Boolean))].join(' ');
  const { client_secret: secret, client_secret_expires_at: ends, ...rest } = metadata;
  const isNew = secret !== undefined && secret !== secretHash;
  return {
    ...rest,
    ...(scope === '' ? {} : { scope }),
    ...(isNew ? { client_secret: secret, client_secret_expires_at: ends ?? 0 } : {}),
  };
}

/** The library's names for the endpoints whose replies are a client's metadata. */
const ROUTES = new Set(['registration', 'client', 'client_update']);

type Next = () => Promise<unknown>;

/** Host functions that the library's registration needs. */
function installRegistration(
  provider: Provider,
  settings: RegistrationSettings,
  apis: Pick<ApiRegistry, 'dynamic'>,
  limit: GuessLimit,
): void {
  const isOpen = () => settings.open || apis.dynamic.length > 0;
  async function withoutToken() {
    const source = `source:${sourceOf(Provider.ctx?.get('X-Forwarded-For') ?? null)}`;
    await orTooMany(limit('registration', [source], MAX_REGISTRATIONS, () => Promise.resolve(undefined)));
    const policy = settings.open ? WITHOUT_TOKEN.all : WITHOUT_TOKEN.apis;
    return new provider.InitialAccessToken({ policies: [policy] });
  }
  for (const Model of [provider.InitialAccessToken, provider.RegistrationAccessToken]) {
    const find = Model.find.bind(Model);
    Object.assign(Model, {
      async find(value: string) {
        if (isOpen() && value === NO_TOKEN && Model === provider.InitialAccessToken) return withoutToken();
        try {
          return await find(value);
        } catch (error) {
          // Refuse it: its policy is no longer configured.
          if (error instanceof TypeError) return undefined;
          throw error;
        }
      },
    });
  }
  installTokenRotation(provider);
  acceptSecrets(provider);
  const present = async (ctx: KoaContextWithOIDC, next: Next): Promise<void> => {
    if (answerCors(ctx, ctx.path === PATH ? 'POST' : 'GET, PUT, DELETE')) return;
    if (isOpen() && ctx.method === 'POST' && ctx.path === PATH)
      ctx.req.headers.authorization ??= `Bearer ${NO_TOKEN}`;
    await next();
    const route = ctx.oidc?.route;
    const body = ctx.body as Metadata | undefined;
    if (!ROUTES.has(route ?? '') || body?.['client_id'] === undefined) return;
    ctx.body = presented(body, route === 'registration' ? undefined : ctx.oidc.client?.clientSecret, apis);
  };
  provider.use((ctx: KoaContextWithOIDC, next: Next) =>
    ctx.path === PATH || ctx.path.startsWith(`${PATH}/`) ? present(ctx, next) : next(),
  );
}

const BODY = Symbol('body');
type WithBody = KoaContextWithOIDC['oidc'] & { [BODY]?: unknown };

/** Give the library the hash of the presented secret: it compares with the stored hash. */
function acceptSecrets(provider: Provider): void {
  Object.defineProperty(provider.OIDCContext.prototype, 'body', {
    configurable: true,
    get(this: WithBody) {
      return this[BODY];
    },
    set(this: WithBody, body: unknown) {
      const { client_secret: secret } = (body ?? {}) as Metadata;
      const isUpdate = this.route === 'client_update' && typeof secret === 'string';
      this[BODY] = isUpdate ? { ...(body as Metadata), client_secret: sha256(secret) } : body;
    },
  });
}

export const registration: Override<{
  config: { clientRegistration: RegistrationSettings };
  apis: ApiRegistry;
  guessLimit: GuessLimit;
}> = {
  name: 'registration',
  why: 'the library registers nobody without a token, ends a management token too early, and shows the hash of a secret',
  provenFor: '9.13.x',
  upstream: null,
  check(provider) {
    shape(
      'InitialAccessToken.find',
      'RegistrationAccessToken.find',
      'RegistrationAccessToken.prototype.destroy',
      'RegistrationAccessToken.prototype.save',
      'OIDCContext',
    )(provider);
    // Don't replace the library's own accessors.
    if ('body' in provider.OIDCContext.prototype) throw new Error('OIDCContext.body is an accessor now');
  },
  install: (provider, { config, apis, guessLimit }) =>
    installRegistration(provider, config.clientRegistration, apis, guessLimit),
};
