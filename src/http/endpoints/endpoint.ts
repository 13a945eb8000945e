import type { z } from 'zod';
import type { Settings } from '../../config/index.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** Class of the rate limit. */
export type LimitClass = 'credentials' | 'ordinary' | 'program' | 'unlimited';

/** One endpoint of a document: its shape for checks and OpenAPI. */
export interface Endpoint {
  id: string;
  method: Method;
  /** Below the API's base path; parameters as `{name}`. */
  path: string;
  summary: string;
  limit: LimitClass;
  /** Description of each path parameter. */
  params?: Record<string, z.ZodType>;
  query?: z.ZodObject;
  /** Request header fields besides the common ones. */
  headers?: Record<string, z.ZodType>;
  body?: z.ZodType;
  /** Successful replies by status; null for one without content. */
  replies: Record<number, z.ZodType | null>;
  /** The media types of a reply with status 200 that is streamed. */
  streams?: readonly string[];
  /** The documented statuses of refusals. */
  refusals: number[];
}

export interface EndpointReply {
  status: number;
  /** Undefined for a reply without content. */
  body?: unknown;
  /** The source of a streamed reply: pulled as fast as the client reads, and closed when it disconnects. */
  stream?: { type: string; chunks: AsyncIterable<string> };
  headers?: Record<string, string>;
  /** The body for a replay, where the schema cannot tell which part is secret. */
  kept?: unknown;
}

/** Minimum and maximum length of a new password. */
export type PasswordLengths = Pick<Settings['passwords'], 'minLength' | 'maxLength'>;

/** An API as shown by its OpenAPI document and its pages. */
export interface Documented<E extends Endpoint = Endpoint> {
  title: string;
  version: string;
  description: string;
  /** Prefix of every endpoint's path, without a trailing slash. */
  basePath: string;
  endpoints: readonly E[];
  /** Schema and media type of refusals. */
  refusal: { schema: z.ZodType; type: string };
  passwords: PasswordLengths;
  /** The available security schemes (OpenAPI 3.1), and which of them an endpoint accepts. */
  schemes: Record<string, Record<string, unknown>>;
  securityOf(endpoint: E): Record<string, string[]>[];
  /** Requests sent to callers' URLs (OpenAPI 3.1 `webhooks`), by name. */
  messages?: readonly { name: string; summary: string; schema: z.ZodType }[];
  /** Documentation pages, by absolute documented path. */
  pages: Record<string, 'swagger' | 'redoc'>;
  /** The path of the OpenAPI document. */
  openapiPath: string;
}
