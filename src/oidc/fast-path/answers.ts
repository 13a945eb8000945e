import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import introspectionSteps from 'oidc-provider/lib/actions/introspection.js';
import userinfoSteps from 'oidc-provider/lib/actions/userinfo.js';
import requests from 'oidc-provider/lib/helpers/als.js';
import instance from 'oidc-provider/lib/helpers/weak_cache.js';
import type { SharedClock } from '../../core/clock.ts';
import type { ClientRegistry } from '../clients/registry.ts';
import type { AccessTokenVerifier } from '../tokens/access-token-verifier.ts';
import { TOKEN_EXCHANGE } from '../tokens/grant-types.ts';
import { createJwtIntrospection } from '../tokens/jwt-access-tokens.ts';
import { refuseOverdue } from '../redemption.ts';
import type { PresentDependencies } from '../tokens/introspection-policy.ts';
import { hasOnly, type PlainForm, takesJson, words } from './request.ts';

export interface AnswerDependencies extends PresentDependencies {
  clients: Pick<ClientRegistry, 'recognize'>;
  clock: Pick<SharedClock, 'isAstray' | 'now'>;
  verifier: AccessTokenVerifier;
}

type Handler = (ctx: KoaContextWithOIDC) => Promise<void>;

/** The members of the library that the fast path calls, as its middleware does. */
export type Library = Provider & {
  createContext(req: IncomingMessage, res: ServerResponse): KoaContextWithOIDC;
  OIDCContext: new (ctx: object) => KoaContextWithOIDC['oidc'] & {
    entity(name: 'Client', value: object): void;
  };
};

/** The body of a success. Undefined when the library has to answer. @throws the refusal or failure. */
export type Answer<Body extends unknown[] = []> = (
  ...request: [req: IncomingMessage, res: ServerResponse, ...body: Body]
) => Promise<object | undefined>;

type Context = KoaContextWithOIDC & { body: object | string | undefined };

const METHODS = new Set<unknown>(['client_secret_basic', 'client_secret_post']);

/** The parameters of each grant: required and optional. */
const GRANTS: Record<string, [required: string[], optional: string[]]> = {
  client_credentials: [words('grant_type'), words('scope resource')],
  refresh_token: [words('grant_type refresh_token'), words('scope resource')],
  authorization_code: [words('grant_type code redirect_uri'), words('code_verifier resource')],
  [TOKEN_EXCHANGE]: [
    words('grant_type subject_token subject_token_type'),
    words('actor_token actor_token_type requested_token_type audience resource scope'),
  ],
};

/** The steps of an endpoint of the library from this name on. @throws Error when there is none. */
function stepsFrom(steps: typeof userinfoSteps, name: string): typeof userinfoSteps {
  const from = steps.findIndex((step) => step.name === name);
  if (from === -1) throw new Error(`the step ${name} is not there any more`);
  return steps.slice(from);
}

/** What introspection does once it has authenticated the client, and userinfo once it has read a body. @throws Error as above. */
export const allSteps = () => ({
  introspection: stepsFrom(introspectionSteps, 'renderTokenResponse'),
  userinfo: stepsFrom(userinfoSteps, 'validateAccessToken'),
});

/**
 * The library creates its error before the assertion that would throw it (`ctx.assert(found, new InvalidToken())`), three times
 * for each valid userinfo request, and the stack trace is nearly all of an error's cost. The assertion is looked up before its
 * arguments are evaluated, so no trace is taken in between. A failure here is repeated by the library, with its trace.
 */
const UNTRACED: PropertyDescriptor = {
  get() {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    return (holds: unknown, error: Error) => {
      Error.stackTraceLimit = stackTraceLimit;
      if (!holds) throw error;
    };
  },
};

/** A failed grant, which the library answers with its error. */
interface Failure {
  error: unknown;
  entities: object;
}

/** The answers of the fast path: the library's own steps on the library's own context. */
export function createAnswers(provider: Library, deps: AnswerDependencies) {
  const { clients, clock } = deps;
  const { grantTypeHandlers } = instance(provider);
  const failures = new WeakMap<IncomingMessage, Failure>();
  const grants = new Map<string, Handler>();
  const introspectJwt = createJwtIntrospection(provider, deps);
  const { userinfo, introspection } = allSteps();
  const context = Object.create(provider.context, {
    oidc: { writable: true },
    body: { writable: true },
    status: { value: 200, writable: true },
    assert: UNTRACED,
  }) as object;
  const app = Object.create(provider, { context: { value: context } }) as Library;

  // A grant may have used something up before it failed, so it does not run twice: the library rethrows the failure where it
  // would have happened.
  for (const type of Object.keys(GRANTS)) {
    const handler = grantTypeHandlers.get(type);
    if (!handler) continue;
    grants.set(type, handler);
    grantTypeHandlers.set(type, async (ctx) => {
      const failure = failures.get(ctx.req);
      if (!failure) return handler(ctx);
      Object.assign(ctx.oidc.entities, failure.entities);
      throw failure.error;
    });
  }

  /** The library's context of a request. It keeps what the library would write to the reply. */
  function contextOf(req: IncomingMessage, res: ServerResponse, route: string, params: object): Context {
    const ctx = app.createContext(req, res);
    Object.assign(ctx, { _matchedRouteName: route });
    const oidc = Object.assign(new provider.OIDCContext(ctx), { params });
    return Object.assign(ctx, { oidc }) as Context;
  }

  /** Runs steps as the library's router does. @returns their body, if it is to be JSON. */
  async function run(ctx: Context, steps: typeof userinfo): Promise<object | undefined> {
    const from = async (index: number): Promise<void> => steps[index]?.(ctx, () => from(index + 1));
    await requests.run(ctx, () => from(0));
    return typeof ctx.body === 'object' ? ctx.body : undefined;
  }

  /** The client of a form, if comparing its secret is enough. */
  function clientOf({ clientId, secret }: PlainForm) {
    const client = clients.recognize(clientId, secret);
    const isPlain = client instanceof provider.Client && METHODS.has(client.clientAuthMethod);
    return isPlain && !client['clientSecretExpiresAt'] ? client : undefined;
  }

  return {
    async token(req, res, form) {
      const { grant_type: type = '' } = form.params;
      const handler = grants.get(type);
      if (!handler || !hasOnly(form.params, ...GRANTS[type]!)) return undefined;
      const client = clientOf(form);
      if (!client?.grantTypeAllowed(type) || (await clock.isAstray())) return undefined;
      const ctx = contextOf(req, res, 'token', { scope: undefined, resource: undefined, ...form.params });
      ctx.oidc.entity('Client', client);
      try {
        await requests.run(ctx, () => handler(ctx));
        refuseOverdue(ctx);
      } catch (error) {
        failures.set(req, { error, entities: ctx.oidc.entities });
        return undefined;
      }
      provider.emit('grant.success', ctx);
      return ctx.body as object;
    },

    async introspection(req, res, form) {
      const { token, token_type_hint } = form.params;
      if (token === undefined || !hasOnly(form.params, ['token'], ['token_type_hint'])) return undefined;
      const client = clientOf(form);
      if (!client || client['introspectionEncryptedResponseAlg'] || !takesJson(req)) return undefined;
      if (await clock.isAstray()) return undefined;
      const ctx = contextOf(req, res, 'introspection', { token, token_type_hint });
      ctx.oidc.entity('Client', client);
      const reply: { active?: boolean } | null | undefined = token.includes('.')
        ? await requests.run(ctx, () => introspectJwt(client, token))
        : await run(ctx, introspection);
      return reply?.active === true ? reply : undefined;
    },

    async userinfo(req: IncomingMessage, res: ServerResponse) {
      if (await clock.isAstray()) return undefined;
      const ctx = contextOf(req, res, 'userinfo', { scope: undefined, access_token: undefined });
      return run(ctx, userinfo);
    },
  } satisfies Record<string, Answer<[form: PlainForm]>>;
}
