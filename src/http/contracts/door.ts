import type { Context } from 'koa';
import type { z } from 'zod';
import type { Settings } from '../../config/index.ts';
import type { ErrorCode, ErrorDetails } from '../../kernel/errors.ts';
import type { Actor } from '../../kernel/actor.ts';
import type { Caller } from './caller.ts';
import type { Case } from './conformance.ts';
import type { DoorServices } from './services.ts';

/** Seconds that tokens live where a document says nothing of it. */
export const DEFAULT_LIFETIMES = { access: 1800, refresh: 604_800 };

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/**
 * Who may call: anybody; an account with its access token; a program with an API key of the operator's; an account with
 * its access token or an API key of its own.
 */
export type Auth = 'none' | 'bearer' | 'apiKey' | 'bearerOrApiKey';

/** How often a caller may call: by the class of the endpoint. */
export type LimitClass = 'credentials' | 'ordinary' | 'program' | 'unlimited';

/** One request that has passed every check. */
export interface Call<Body> {
  body: Body;
  /** From the path, as they came: an id that is none finds nothing. */
  params: Record<string, string>;
  /** Null where nobody has to say who they are. */
  caller: Caller | null;
  actor: Actor;
  /** Aborts when the client goes before it has its reply: who waits for its turn to hash a password then need not. */
  signal: AbortSignal;
  services: DoorServices;
  /** For cookies and headers; the reply is what the operation returns. */
  ctx: Context;
}

export interface Reply {
  status: number;
  /** Nothing for a reply without content. */
  body?: unknown;
  /** Whose request it turned out to be, where the caller is nobody yet: for `postern contract usage`. */
  accountId?: string;
}

/** One endpoint of a document: its shape for checks and OpenAPI, and what it does. */
export interface Operation {
  id: string;
  method: Method;
  /** Under the door's base path; parameters as `{name}`. */
  path: string;
  summary: string;
  auth: Auth;
  limit: LimitClass;
  /** What an API key must be allowed to do. */
  permission?: string;
  /** What the document says of each parameter of the path. */
  params?: Record<string, z.ZodType>;
  body?: z.ZodType;
  /** The replies of success by status; null for one without content. */
  replies: Record<number, z.ZodType | null>;
  /** The statuses of refusal that the document names. */
  refusals: number[];
  handle(call: Call<never>): Promise<Reply>;
}

type Parsed<T extends z.ZodType | undefined> = T extends z.ZodType ? z.output<T> : undefined;

/** Declares an operation with its handler typed by its schema. */
export function operation<B extends z.ZodType | undefined = undefined>(
  spec: Omit<Operation, 'handle' | 'body'> & { body?: B; handle(call: Call<Parsed<B>>): Promise<Reply> },
): Operation {
  return spec as unknown as Operation;
}

/** A refusal as a door words it. */
export interface Refusal {
  status: number;
  code: ErrorCode;
  message: string;
  details: ErrorDetails;
  requestId: string;
  /** The moment of the refusal. */
  at: Date;
}

/** A contract: data plus thin code. */
export interface Door {
  /** The folder's name, and the last part of the client `contract:<name>`. */
  name: string;
  /** Title and version of the document, for OpenAPI. */
  title: string;
  version: string;
  description: string;
  /** The base path that the document gives, without a slash at the end. */
  basePath: string;
  /** Pages of the document, by absolute documented path. */
  pages: Record<string, 'swagger' | 'redoc'>;
  /** Where the OpenAPI document is. */
  openapiPath: string;
  /** Whether a refresh hands out a new refresh token: the document's replies must be able to carry it. */
  rotatesRefreshTokens: boolean;
  /** Seconds that its tokens live, unless `contracts.tokens` says otherwise. */
  tokens: { access: number; refresh: number };
  operations: Operation[];
  /** Where this door's statuses differ from the common ones. */
  statuses: Partial<Record<ErrorCode, number>>;
  /** Where this door's words differ from the catalogue's. */
  messages: Partial<Record<ErrorCode, string>>;
  refusalSchema: z.ZodType;
  refuse(refusal: Refusal): unknown;
  /** What its document tells strangers, which the hosted pages do not. */
  givesAway(settings: Settings['contracts']): string[];
  /** The cases of `postern contract verify`. */
  cases(): Promise<Case[]>;
}
