import { REDIRECT_URI } from './provider.ts';

/** A reply of the registration endpoint or of client management. */
export interface Registered {
  client_id: string;
  client_secret: string;
  client_name: string;
  scope: string;
  registration_access_token: string;
  registration_client_uri: string;
  error: string;
  error_description: string;
  [name: string]: unknown;
}

export const APP = { redirect_uris: [REDIRECT_URI], client_name: 'An app' };
export const POLICIES = {
  trusted: {
    grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
    scopes: ['openid', 'email', 'read', 'users:read'],
    authMethods: ['client_secret_basic', 'private_key_jwt', 'none'],
    redirectHosts: ['app.example.test'],
    metadata: ['require_pkce', 'apis'],
  },
};

/** Sends JSON with a token. `type` overrides the content type. */
export const send = async (
  method: string,
  url: string,
  { bearer, body, type = 'application/json' }: { bearer?: string; body?: unknown; type?: string } = {},
) => {
  const reply = await fetch(url, {
    method,
    headers: {
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await reply.text();
  return {
    status: reply.status,
    headers: reply.headers,
    body: (text === '' ? {} : JSON.parse(text)) as Registered,
  };
};

export const asClient = ({ client_id, client_secret }: Registered) => ({
  id: client_id,
  secret: client_secret,
  redirectUri: REDIRECT_URI,
});

/** What a client sends back to keep its metadata: everything that was read, except for what the server sets. */
export function metadataOf({
  registration_access_token: _token,
  registration_client_uri: _uri,
  client_secret_expires_at: _ends,
  client_id_issued_at: _issued,
  ...metadata
}: Registered): Record<string, unknown> {
  return metadata;
}
