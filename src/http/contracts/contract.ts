import type { Context } from 'koa';
import type { z } from 'zod';
import type { ContractClaims, ContractTokens } from '../../oidc/contracts/tokens.ts';
import type { ApiKey, ApiKeys } from '../../domain/api-keys.ts';
import type { ContractSettings } from '../../config/index.ts';
import type { Login } from '../../domain/login.ts';
import type { Rights } from '../../domain/operators/rights.ts';
import type { Mfa } from '../../domain/mfa/index.ts';
import type { PasswordReset } from '../../domain/reset.ts';
import type { Accounts } from '../../domain/users/index.ts';
import type { Verification } from '../../domain/verification/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { ErrorCode, ErrorDetails } from '../../core/errors.ts';
import type { Actor } from '../../core/actor.ts';
import type { Endpoint, EndpointReply } from '../endpoints/endpoint.ts';
import type { Statuses } from '../endpoints/statuses.ts';
import type { Case } from './conformance.ts';

/** Who calls a contract. */
export type Caller =
  | { kind: 'user'; claims: ContractClaims; accountId: string }
  /** A program. `accountId` is the owner of the key; null for an operator's key. */
  | { kind: 'apiKey'; key: ApiKey; accountId: string | null };

/** The version of `postern/door`, the interface of custom contracts. */
export const DOOR_VERSION = 1;

/** Services for the operations of contracts. */
export interface ContractServices {
  accounts: Pick<
    Accounts,
    'changePassword' | 'create' | 'find' | 'findByNumber' | 'register' | 'remove' | 'update'
  >;
  login: Login;
  tokens: Pick<
    ContractTokens,
    'discard' | 'end' | 'endByRefreshToken' | 'hasExpired' | 'issue' | 'refresh' | 'verify'
  >;
  apiKeys: Pick<ApiKeys, 'authenticate' | 'create' | 'list' | 'revoke'>;
  rights: Pick<Rights, 'ofAccount'>;
  mfa: Pick<Mfa, 'isRequired' | 'lacking' | 'lacksRequired' | 'recoveryCodes' | 'status' | 'totp'>;
  reset: Pick<PasswordReset, 'confirm' | 'request'>;
  verification: Pick<Verification, 'confirm'>;
  secrets: Pick<Secrets, 'mac'>;
  clock: Clock;
  settings: ContractSettings;
  publicUrl: string;
  /** Checks each store; throws the first failure. */
  checks: Record<string, () => Promise<void>>;
}

/** Token lifetime in seconds where the document defines none. */
export const DEFAULT_LIFETIMES = { access: 1800, refresh: 604_800 };

/**
 * Who may call: anybody; an account with its access token; a program with an operator's API key; an account with its access
 * token or its own API key.
 */
export type Auth = 'none' | 'bearer' | 'apiKey' | 'bearerOrApiKey';

/** One request that has passed every check. */
export interface Call<Body> {
  body: Body;
  /** From the path, unchecked: an invalid id finds nothing. */
  params: Record<string, string>;
  /** Null for operations without authentication. */
  caller: Caller | null;
  actor: Actor;
  /** Aborts when the client disconnects, which also takes a queued password hash out of the queue. */
  signal: AbortSignal;
  services: ContractServices;
  /** The Koa context, for cookies and headers only; the reply is the operation's result. */
  ctx: Context;
}

export interface Reply extends EndpointReply {
  /** Sets the account of an unauthenticated request, for `postern contract usage`. */
  accountId?: string;
}

/** One endpoint of a contract: its callers, and its handler. */
export interface Operation extends Endpoint {
  auth: Auth;
  /** The permission that an API key must have. */
  permission?: string;
  /**
   * What `postern contract shadow` may repeat: an operation without effect, or a login. Default: GET has no effect, any other
   * method changes something.
   */
  effect?: 'none' | 'login' | 'change';
  /** The decision left to the author. No server starts until it is made. */
  undecided?: string;
  handle(call: Call<never>): Promise<Reply>;
}

type Parsed<T extends z.ZodType | undefined> = T extends z.ZodType ? z.output<T> : undefined;

/** Declares an operation with its handler typed by its schema. */
export function operation<B extends z.ZodType | undefined = undefined>(
  spec: Omit<Operation, 'handle' | 'body'> & { body?: B; handle(call: Call<Parsed<B>>): Promise<Reply> },
): Operation {
  return spec as unknown as Operation;
}

/** A refusal, to be put into the contract's words. */
export interface Refusal {
  status: number;
  code: ErrorCode;
  message: string;
  details: ErrorDetails;
  requestId: string;
  /** The time of the refusal. */
  at: Date;
}

/** A contract: data plus thin code. */
export interface Contract {
  /** The version of `postern/door` that it was written for. */
  doorVersion: typeof DOOR_VERSION;
  /** The folder's name, and the last part of the client `contract:<name>`. */
  name: string;
  /** Title and version of the document, for OpenAPI. */
  title: string;
  version: string;
  description: string;
  /** The documented base path, without a trailing slash. */
  basePath: string;
  /** Documentation pages, by absolute documented path. */
  pages: Record<string, 'swagger' | 'redoc'>;
  /** The path of the OpenAPI document. */
  openapiPath: string;
  /** Whether a refresh issues a new refresh token. The documented replies must be able to carry it. */
  rotatesRefreshTokens: boolean;
  /** Lifetimes of its tokens in seconds, unless `contracts.tokens` sets them. */
  tokens: { access: number; refresh: number };
  operations: Operation[];
  /** Statuses that differ from the common ones. */
  statuses: Statuses;
  /** Messages that differ from the catalogue's. */
  messages: Partial<Record<ErrorCode, string>>;
  refusalSchema: z.ZodType;
  refuse(refusal: Refusal): unknown;
  /** Facts that the document reveals to unauthenticated callers, unlike the hosted pages. */
  givesAway(settings: ContractSettings): string[];
  /** The cases of `postern contract verify`. */
  cases(): Promise<Case[]>;
}
