import type { ClientMetadata } from 'oidc-provider';
import { CONTRACT_CLIENT } from '../../core/contract-client.ts';
import { API_DEFAULTS } from '../../domain/apis.ts';
import type { ApiContent } from '../../storage/apis.ts';

/** The one scope of a contract's API. */
export const CONTRACT_SCOPE = 'contract';

export interface ContractSettings {
  name: string;
  /** Whether a refresh hands out a new refresh token. */
  rotates: boolean;
  /** Seconds. */
  accessTokenTtl: number;
  /** Seconds. */
  refreshTokenTtl: number;
}

export const contractAudience = (publicUrl: string, name: string): string => `${publicUrl}/contracts/${name}`;

/** The built-in first-party client of a contract. Public: its tokens are bound to the account's own login. */
export const contractClient = ({ name, rotates, refreshTokenTtl }: ContractSettings): ClientMetadata => ({
  client_id: `${CONTRACT_CLIENT}${name}`,
  client_name: `Contract ${name}`,
  token_endpoint_auth_method: 'none',
  grant_types: ['refresh_token'],
  response_types: [],
  redirect_uris: [],
  first_party: true,
  rotate_refresh_tokens: rotates,
  refresh_token_ttl: refreshTokenTtl,
});

/** The API that a contract's access tokens are for. */
export const contractApi = (publicUrl: string, { name, accessTokenTtl }: ContractSettings): ApiContent => ({
  ...API_DEFAULTS,
  identifier: contractAudience(publicUrl, name),
  name: `Contract ${name}`,
  scopes: [CONTRACT_SCOPE],
  accessTokenTtl,
});
