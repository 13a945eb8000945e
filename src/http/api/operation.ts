import { z } from 'zod';
import type { FindOrigins, GatherAccountData, History } from '../../domain/history.ts';
import type { ApiKeys } from '../../domain/api-keys.ts';
import type { ContractDoors } from '../../domain/contract-doors.ts';
import type { ContractUsage } from '../../domain/contract-usage.ts';
import type { Impersonation } from '../../domain/impersonation.ts';
import type { Mfa } from '../../domain/mfa/index.ts';
import type { Refusals } from '../../domain/refusals.ts';
import type { AccountSessions } from '../../domain/sessions.ts';
import type { Linking } from '../../domain/upstream.ts';
import type { UpstreamAdmin } from '../../domain/upstream-admin.ts';
import type { Accounts, User } from '../../domain/users/index.ts';
import type { Verification } from '../../domain/verification/index.ts';
import type { Described } from '../../oidc/interactions/interactions.ts';
import type { ApiAdmin } from '../../domain/apis.ts';
import type { ClientAdmin } from '../../domain/clients.ts';
import type { PreviewTokens } from '../../oidc/tokens/preview.ts';
import type { Access } from '../../domain/operators/account-access.ts';
import type { ManagedAccounts } from '../../domain/operators/accounts.ts';
import type { Assignments } from '../../domain/operators/assignments.ts';
import type { AuditLog } from '../../domain/operators/audit-log.ts';
import type { PutBack } from '../../domain/operators/put-back.ts';
import type { Groups } from '../../domain/operators/groups.ts';
import type { CheckHealth } from '../../domain/operators/health.ts';
import type { Overview } from '../../domain/operators/overview.ts';
import type { Search } from '../../domain/operators/search.ts';
import type { Stats } from '../../domain/operators/stats.ts';
import type { BrandingService } from '../../domain/operators/branding.ts';
import type { OperatorSettings } from '../../domain/operators/settings.ts';
import type { ApiKeyAdmin, RegistrationTokenAdmin } from '../../domain/operators/machine-tokens.ts';
import type { Attributes } from '../../domain/attributes/index.ts';
import type { Expected, Operator } from '../../domain/operators/operator.ts';
import type { People } from '../../domain/operators/people.ts';
import type { Migration } from '../../domain/migration.ts';
import type { Permission } from '../../domain/operators/permissions.ts';
import type { Once } from '../../domain/idempotency.ts';
import type { NoteRefused } from '../../domain/operators/refused.ts';
import type { Rights } from '../../domain/operators/rights.ts';
import type { OperatorMail } from '../../domain/operators/mail.ts';
import type { Webhooks } from '../../domain/operators/webhooks.ts';
import type { Roles } from '../../domain/operators/roles.ts';
import type { ScimTokens } from '../../domain/scim/tokens.ts';
import type { Actor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import type { KeyAdmin } from '../../oidc/key-admin.ts';
import type { AccessTokenClaims } from '../../oidc/tokens/access-token-verifier.ts';
import type { MeScope } from '../../oidc/tokens/me-scopes.ts';
import type { Endpoint, EndpointReply } from '../endpoints/endpoint.ts';

/** The services that operations of the API use. */
export interface ApiServices {
  /** The issuer. */
  publicUrl: string;
  clock: Clock;
  rights: Rights;
  roles: Roles;
  groups: Groups;
  assignments: Assignments;
  people: People;
  findOrigins: FindOrigins;
  clients: ClientAdmin;
  refusals: Pick<Refusals, 'ofClient' | 'ofAccount'>;
  apis: ApiAdmin;
  previewTokens: PreviewTokens;
  auditLog: AuditLog;
  putBack: PutBack;
  scimTokens: ScimTokens;
  attributes: Pick<Attributes, 'list' | 'shown' | 'containing' | 'find' | 'update' | 'scopes'>;
  webhooks: Webhooks;
  managedAccounts: ManagedAccounts;
  impersonation: Pick<Impersonation, 'request'>;
  access: Access;
  operatorMail: OperatorMail;
  noteRefused: NoteRefused;
  once: Once;
  /** Runs `work` in one transaction that includes all nested ones. */
  asOne<T>(work: () => Promise<T>): Promise<T>;
  upstreams: UpstreamAdmin;
  apiKeyAdmin: ApiKeyAdmin;
  registrationTokenAdmin: RegistrationTokenAdmin;
  keys: KeyAdmin;
  contractDoors: ContractDoors;
  settings: OperatorSettings;
  branding: Pick<BrandingService, 'show' | 'update' | 'undo' | 'history' | 'look' | 'preview'>;
  health: CheckHealth;
  search: Search;
  overview: Overview;
  stats: Pick<Stats, 'list'>;
  usage: Pick<ContractUsage, 'reportOf' | 'lastUses' | 'blastRadius' | 'report' | 'requests'>;
  migration: Pick<Migration, 'status'>;
  accounts: Pick<Accounts, 'find' | 'update' | 'changePassword' | 'remove'>;
  verification: Pick<Verification, 'request' | 'requestChange'>;
  mfa: Mfa;
  accountSessions: AccountSessions;
  history: History;
  accountData: GatherAccountData;
  apiKeys: Pick<ApiKeys, 'list' | 'revoke'>;
  /** Identities at other providers. */
  identities: Pick<Linking, 'identitiesOf' | 'unlink'>;
  /** A client as shown; its fields are undefined when it no longer exists. */
  describeClient(clientId: string): Promise<Described['client']>;
}

/** One request that has passed every check. */
interface Call<Body, Query> {
  body: Body;
  query: Query;
  /** From the path, unchecked: an invalid id finds nothing. */
  params: Record<string, string>;
  actor: Actor;
  /** The client's preferred language, for mail to an account without one. */
  locale: string | undefined;
  /** Aborts when the client disconnects before the reply. */
  signal: AbortSignal;
  services: ApiServices;
}

/** A request about the token's own account. */
export interface ApiCall<Body, Query> extends Call<Body, Query> {
  /** Always active. */
  user: User;
  claims: AccessTokenClaims;
}

/** A request of an operator: a person or a service account. */
export interface OperatorCall<Body, Query> extends Call<Body, Query> {
  operator: Operator;
  /** The versions that If-Match names; undefined without it. */
  expected: Expected | undefined;
  /** Runs another operation for the same caller and returns its reply. Never throws. */
  attempt(request: InnerRequest): Promise<Attempt>;
}

/** A request nested in another one. */
export interface InnerRequest {
  method: string;
  /** Below the base path, with its query. */
  path: string;
  body?: unknown;
  /** The value of If-Match. */
  ifMatch?: string | undefined;
}

export interface Attempt {
  status: number;
  /** Undefined when there is no content. */
  body: unknown;
  /** The body for a replay, without secrets. */
  kept: unknown;
  /** Audits a refusal. Call it after the transaction, which could roll it back. */
  noteRefusal(): Promise<void>;
}

interface Authority extends Endpoint {
  /** Whether it needs a login within the last few minutes, with a second factor if the account has one. */
  fresh: boolean;
}

/** An operation on the caller's own account. */
export interface AccountOperation extends Authority {
  caller: 'account';
  scope: MeScope;
  handle(call: ApiCall<never, never>): Promise<EndpointReply>;
}

/** An operation of operators. */
export interface OperatorOperation extends Authority {
  caller: 'operator';
  /** Null when any operator may call it. */
  scope: Permission | null;
  /** A second permission that suffices as well. */
  otherScope?: Permission;
  handle(call: OperatorCall<never, never>): Promise<EndpointReply>;
  /** The current resource, for a 412 reply. */
  current?: (call: OperatorCall<never, never>) => Promise<unknown>;
  /** The number of requests that it counts as, by its body. Default: one. */
  cost?: (body: never) => number;
}

/** One endpoint of the API: the scope it requires, and its handler. */
export type ApiOperation = AccountOperation | OperatorOperation;

type Parsed<T extends z.ZodType | undefined> = T extends z.ZodType ? z.output<T> : undefined;

type Spec<
  O extends ApiOperation,
  C,
  B extends z.ZodType | undefined,
  Q extends z.ZodObject | undefined,
> = Omit<
  O,
  'handle' | 'current' | 'cost' | 'body' | 'query' | 'headers' | 'fresh' | 'limit' | 'refusals' | 'caller'
> & {
  body?: B;
  query?: Q;
  fresh?: boolean;
  /** `ordinary` unless it accepts something that could be guessed. */
  limit?: 'credentials';
  /** Beyond those of every operation. */
  refusals?: number[];
  handle(call: C): Promise<EndpointReply>;
};

const complete = ({
  fresh = false,
  limit,
  refusals = [],
  ...spec
}: {
  fresh?: boolean;
  limit?: 'credentials';
  refusals?: number[];
}) => ({ ...spec, fresh, limit: limit ?? 'ordinary', refusals: [401, 403, ...refusals] });

/** Declares an operation on the caller's own account, with its handler typed by its schemas. */
export function operation<
  B extends z.ZodType | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
>(spec: Spec<AccountOperation, ApiCall<Parsed<B>, Parsed<Q>>, B, Q>): ApiOperation {
  return { caller: 'account', ...complete(spec) } as unknown as ApiOperation;
}

/** Header fields of the management API by kind of operation, read in `guard.ts` and `manage.ts`. */
const IDEMPOTENCY_KEY = z
  .string()
  .optional()
  .describe(
    '1 to 255 characters of your choice: a request with the same key is executed only once in 24 hours',
  );
const IF_MATCH = z.string().optional().describe('The ETag of the resource to change');

/** For reads without filters: unknown parameters are refused here, too. */
const NO_QUERY = z.strictObject({});

/** Declares an operation of operators. Each POST accepts an Idempotency-Key; each operation with 412 accepts If-Match. */
export function managed<
  B extends z.ZodType | undefined = undefined,
  Q extends z.ZodObject | undefined = undefined,
>(
  spec: Spec<OperatorOperation, OperatorCall<Parsed<B>, Parsed<Q>>, B, Q> & {
    current?: (call: OperatorCall<unknown, unknown>) => Promise<unknown>;
    cost?: (body: Parsed<B>) => number;
  },
): ApiOperation {
  const refusals = [...(spec.refusals ?? []), ...(spec.method === 'post' ? [400, 409, 422] : [])];
  const headers = {
    ...(spec.method === 'post' ? { 'Idempotency-Key': IDEMPOTENCY_KEY } : {}),
    ...(refusals.includes(412) ? { 'If-Match': IF_MATCH } : {}),
  };
  const query = spec.query ?? (spec.method === 'get' ? NO_QUERY : undefined);
  const whole = { ...spec, refusals, ...(query && { query }) };
  return { caller: 'operator', headers, ...complete(whole) } as unknown as ApiOperation;
}
