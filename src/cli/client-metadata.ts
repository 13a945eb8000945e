import { UsageError } from './failure.ts';

/** What `client create` was told. */
export interface ClientOptions {
  name: string;
  public?: boolean;
  redirectUri?: string[];
  postLogoutRedirectUri?: string[];
  grant?: string[];
  scope?: string[];
  firstParty?: boolean;
  corsOrigin?: string[];
  defaultResource?: string;
  refreshGrace?: number;
  /** False with --no-pkce. */
  pkce: boolean;
  authMethod?: string;
  applicationType?: 'web' | 'native';
  metadata?: Record<string, unknown>;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * An app on the user's device is known by redirect URIs that no web app has (RFC 8252 section 7): a scheme of its own,
 * or a loopback address without a port, which it chooses when it runs.
 */
function isNative(uri: string): boolean {
  const url = URL.parse(uri);
  if (!url || url.protocol === 'https:') return false;
  return url.protocol !== 'http:' || (LOOPBACK.has(url.hostname) && url.port === '');
}

/**
 * RFC 7591 metadata from the options: those of `--metadata`, and over them what the other options say. Keys without a
 * value are left out.
 * @throws UsageError when two options contradict each other.
 */
export function clientMetadata(options: ClientOptions): Record<string, unknown> {
  const { grant = ['authorization_code'], redirectUri = [], authMethod } = options;
  const usesCode = grant.includes('authorization_code');
  if (usesCode && redirectUri.length === 0) {
    throw new UsageError('A client with the grant authorization_code needs --redirect-uri.');
  }
  if (options.public && authMethod !== undefined) {
    throw new UsageError('A public client has no --auth-method.');
  }
  const said = {
    grant_types: grant,
    response_types: usesCode ? ['code'] : [],
    redirect_uris: redirectUri,
    post_logout_redirect_uris: options.postLogoutRedirectUri,
    scope: options.scope?.join(' '),
    first_party: options.firstParty,
    allowed_cors_origins: options.corsOrigin,
    default_resource: options.defaultResource,
    refresh_token_grace: options.refreshGrace,
    require_pkce: options.pkce ? undefined : false,
    token_endpoint_auth_method: authMethod,
    application_type: options.applicationType ?? (redirectUri.some(isNative) ? 'native' : undefined),
  };
  const given = Object.entries(said).filter(([, value]) => value !== undefined);
  return { ...options.metadata, ...Object.fromEntries(given) };
}
