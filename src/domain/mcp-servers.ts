/** What an MCP server needs to use this authorization server: its metadata document, and the code to serve it. */
import type { Api } from './apis.ts';

/** Where the document of a protected resource is (RFC 9728 section 3.1): before the path, and without a slash at the end. */
export function metadataUrlOf(identifier: string): string {
  const { origin, pathname, search } = new URL(identifier);
  return `${origin}/.well-known/oauth-protected-resource${pathname.replace(/\/$/, '')}${search}`;
}

/** OAuth 2.0 Protected Resource Metadata (RFC 9728 section 2). */
export const protectedResourceMetadata = ({ identifier, name, scopes }: Api, issuer: string) => ({
  resource: identifier,
  authorization_servers: [issuer],
  scopes_supported: scopes,
  bearer_methods_supported: ['header'],
  resource_name: name,
});

const pathOf = (identifier: string): string => new URL(identifier).pathname;

function typescriptOf(api: Api, issuer: string): string {
  const document = JSON.stringify(protectedResourceMetadata(api, issuer));
  const metadataUrl = metadataUrlOf(api.identifier);
  return `import { createRemoteJWKSet, jwtVerify } from 'jose';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';

const issuer = ${JSON.stringify(issuer)};
const audience = ${JSON.stringify(api.identifier)};
const keys = createRemoteJWKSet(new URL('/oauth2/jwks', issuer));
const verifyAccessToken = async (token: string) => {
  const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' }).catch(() => {
    throw new InvalidTokenError('not valid here');
  });
  const { client_id, scope = '', exp = 0, sub } = payload as Record<string, never>;
  return { token, clientId: client_id, scopes: String(scope).split(' '), expiresAt: exp, extra: { sub } };
};
app.get(${JSON.stringify(new URL(metadataUrl).pathname)}, (req, res) => res.json(${document}));
app.use(${JSON.stringify(pathOf(api.identifier))}, requireBearerAuth({ verifier: { verifyAccessToken }, resourceMetadataUrl: ${JSON.stringify(metadataUrl)} }));`;
}

function pythonOf(api: Api, issuer: string): string {
  return `import jwt
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

ISSUER, AUDIENCE = ${JSON.stringify(issuer)}, ${JSON.stringify(api.identifier)}
keys = jwt.PyJWKClient(f"{ISSUER}/oauth2/jwks")

class Postern(TokenVerifier):
    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            key = keys.get_signing_key_from_jwt(token)
            claims = jwt.decode(token, key, algorithms=[${JSON.stringify(api.signingAlg)}], issuer=ISSUER, audience=AUDIENCE)
        except jwt.PyJWTError:
            return None
        return AccessToken(token=token, client_id=claims["client_id"], scopes=claims.get("scope", "").split(), expires_at=claims["exp"])

mcp = MCPServer(${JSON.stringify(api.name)}, token_verifier=Postern(), auth=AuthSettings(issuer_url=ISSUER, resource_server_url=AUDIENCE, required_scopes=None, validate_token_resource=False))`;
}

/** The code that an MCP server with the official SDKs needs to request tokens and check them. */
export const snippetsOf = (api: Api, issuer: string) => ({
  typescript: typescriptOf(api, issuer),
  python: pythonOf(api, issuer),
});
