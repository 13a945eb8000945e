import type { z } from 'zod';
import type { User } from '../../domain/users/index.ts';
import type { Actor } from '../../core/actor.ts';
import type { AccessTokenClaims } from '../../oidc/tokens/access-token-verifier.ts';
import type { MeScope } from '../../oidc/tokens/me-scopes.ts';
import type { Endpoint, EndpointReply } from '../endpoints/endpoint.ts';
import type { ApiServices } from './services.ts';

/** One request that has passed every check. */
export interface ApiCall<Body, Query> {
  body: Body;
  query: Query;
  /** From the path, as they came: an id that is none finds nothing. */
  params: Record<string, string>;
  /** Whose account the token speaks for: an active one. */
  user: User;
  claims: AccessTokenClaims;
  actor: Actor;
  /** The language that the client asks for first, for mail to an account that has none. */
  locale: string | undefined;
  /** Aborts when the client goes before it has its reply. */
  signal: AbortSignal;
  services: ApiServices;
}

/** One endpoint of the API, what a token must allow for it, and what it does. */
export interface ApiOperation extends Endpoint {
  scope: MeScope;
  /** Whether it takes a login of a few minutes ago, with a second factor where the account has one. */
  fresh: boolean;
  handle(call: ApiCall<never, never>): Promise<EndpointReply>;
}

type Parsed<T extends z.ZodType | undefined> = T extends z.ZodType ? z.output<T> : undefined;

type Spec<B extends z.ZodType | undefined, Q extends z.ZodObject | undefined> = Omit<
  ApiOperation,
  'handle' | 'body' | 'query' | 'fresh' | 'limit' | 'refusals'
> & {
  body?: B;
  query?: Q;
  fresh?: boolean;
  /** `ordinary` unless it takes something that could be guessed. */
  limit?: 'credentials';
  /** Beside those that any operation has. */
  refusals?: number[];
  handle(call: ApiCall<Parsed<B>, Parsed<Q>>): Promise<EndpointReply>;
};

/** Declares an operation with its handler typed by its schemas. */
export function operation<
  B extends z.ZodType | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
>({ fresh = false, limit, refusals = [], ...spec }: Spec<B, Q>): ApiOperation {
  const shared = { fresh, limit: limit ?? 'ordinary', refusals: [401, 403, ...refusals] };
  return { ...spec, ...shared } as unknown as ApiOperation;
}
