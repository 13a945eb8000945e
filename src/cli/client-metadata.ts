import { isDeepStrictEqual } from 'node:util';
import type { Profile } from '../core/security-profiles.ts';
import { metadataOptions } from './client-options.ts';
import { UsageError } from './failure.ts';

/**
 * Options of `client create` and `client update`: these, and one for each entry of `metadataOptions`.
 */
export interface ClientOptions {
  [option: string]: unknown;
  redirectUri?: string[];
  grant?: string[];
  scope?: string[];
  exchangeFor?: string[];
  exchangeFrom?: string[];
  exchangeImpersonation?: boolean;
  api?: string[];
  notificationEndpoint?: string;
  /** False with --no-pkce. */
  pkce: boolean;
  authMethod?: string;
  profile?: Profile;
  metadata?: Record<string, unknown>;
}

export interface NewClientOptions extends ClientOptions {
  name: string;
  public?: boolean;
  clientId?: string;
  role?: string[];
  clientSecretStdin?: boolean;
}

/** Short names for grant types whose identifier is a URN. */
const GRANTS: Record<string, string> = {
  'ciba': 'urn:openid:params:grant-type:ciba',
  'device-code': 'urn:ietf:params:oauth:grant-type:device_code',
  'token-exchange': 'urn:ietf:params:oauth:grant-type:token-exchange',
  'jwt-bearer': 'urn:ietf:params:oauth:grant-type:jwt-bearer',
};

/** Builds the policy from the options; undefined when none of them is set. */
function tokenExchange({ exchangeFor, exchangeFrom, exchangeImpersonation }: ClientOptions) {
  if (!exchangeFor && !exchangeFrom && exchangeImpersonation === undefined) return undefined;
  return {
    audiences: exchangeFor ?? [],
    clients: exchangeFrom ?? [],
    impersonation: exchangeImpersonation ?? false,
  };
}

/**
 * Builds RFC 7591 metadata from the options, including `--metadata`.
 * @throws UsageError when `--metadata` and another option contradict each other.
 */
export function changedMetadata(options: ClientOptions): Record<string, unknown> {
  const { metadata = {} } = options;
  const grants = options.grant?.map((grant) => GRANTS[grant] ?? grant);
  const byOption = {
    ...Object.fromEntries(metadataOptions.map(([name, option]) => [name, options[option.attributeName()]])),
    grant_types: grants,
    scope: options.scope?.join(' '),
    token_exchange: tokenExchange(options),
    ...(options.pkce ? {} : { require_pkce: false }),
  };
  const set = Object.entries(byOption).filter(([, value]) => value !== undefined);
  const twice = set.find(
    ([name, value]) => metadata[name] !== undefined && !isDeepStrictEqual(metadata[name], value),
  );
  if (twice) throw new UsageError(`${twice[0]} is given twice: use either --metadata or its own option.`);
  return { ...metadata, ...Object.fromEntries(set) };
}

/** Reads a list of strings from `--metadata`. @throws UsageError when the value is not a list of strings. */
function listOf(metadata: Record<string, unknown>, name: string): string[] | undefined {
  const value = metadata[name];
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  throw new UsageError(`${name} in --metadata must be a list of strings.`);
}

/**
 * The metadata of a new client. Keys without a value are left out.
 * @throws UsageError when two options contradict each other.
 */
export function clientMetadata(options: NewClientOptions): Record<string, unknown> {
  const { authMethod, metadata = {} } = options;
  const grant =
    options.grant ?? listOf(metadata, 'grant_types') ?? (options.api ? [] : ['authorization_code']);
  const redirectUri = options.redirectUri ?? listOf(metadata, 'redirect_uris') ?? [];
  if (grant.includes('authorization_code') && redirectUri.length === 0) {
    throw new UsageError('The grant authorization_code needs --redirect-uri.');
  }
  const { token_endpoint_auth_method: method = authMethod } = metadata;
  if (options.public && method !== undefined && method !== 'none') {
    throw new UsageError('A public client cannot have --auth-method.');
  }
  return changedMetadata({ ...options, grant, redirectUri });
}
