import type { z } from 'zod';
import type { GatherAccountData } from '../../domain/account-data.ts';
import type { ApiKeys } from '../../domain/api-keys.ts';
import type { History } from '../../domain/history.ts';
import type { Mfa } from '../../domain/mfa/index.ts';
import type { AccountSessions } from '../../domain/sessions.ts';
import type { Linking } from '../../domain/upstream.ts';
import type { Accounts, User } from '../../domain/users/index.ts';
import type { Verification } from '../../domain/verification/index.ts';
import type { Described } from '../../oidc/interactions/interactions.ts';
import type { Actor } from '../../core/actor.ts';
import type { AccessTokenClaims } from '../../oidc/tokens/access-token-verifier.ts';
import type { MeScope } from '../../oidc/tokens/me-scopes.ts';
import type { Endpoint, EndpointReply } from '../endpoints/endpoint.ts';

/** What the operations of the API may use. */
export interface ApiServices {
  accounts: Pick<Accounts, 'find' | 'update' | 'changePassword' | 'remove'>;
  verification: Pick<Verification, 'request' | 'requestChange'>;
  mfa: Mfa;
  accountSessions: AccountSessions;
  history: History;
  accountData: GatherAccountData;
  apiKeys: Pick<ApiKeys, 'list' | 'revoke'>;
  /** At other providers. */
  identities: Pick<Linking, 'identitiesOf' | 'unlink'>;
  /** A client as it is shown; undefined fields of one that is gone. */
  describeClient(clientId: string): Promise<Described['client']>;
}

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
