import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import { createRemoteJWKSet, jwtVerify } from 'jose';

// AUDIENCE is the URL of this server as `postern mcp add` was told it, like http://localhost:8700/mcp.
const { ISSUER: issuer, AUDIENCE: audience, PORT } = process.env;
const { origin, pathname } = new URL(audience);
const metadataPath = `/.well-known/oauth-protected-resource${pathname}`;
const resourceMetadataUrl = `${origin}${metadataPath}`;

// Fetched when needed, kept, and fetched again when a token names a key that is not there.
const keys = createRemoteJWKSet(new URL(`${issuer}/oauth2/jwks`));

async function verifyAccessToken(token) {
  const checks = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] };
  const { payload } = await jwtVerify(token, keys, checks).catch(() => {
    throw new InvalidTokenError('not valid here');
  });
  const { client_id: clientId, scope = '', exp: expiresAt, sub, act } = payload;
  return { token, clientId, scopes: scope.split(' '), expiresAt, extra: { sub, act } };
}

/** The scope that a message needs beyond `tools:read`. */
const SCOPES = { write_note: 'tools:write' };

/** Asks for more where a tool needs it: clients go back to the authorization server and try again (RFC 6750 section 3.1). */
function stepUp(req, res, next) {
  const scope = req.body?.method === 'tools/call' ? SCOPES[req.body.params?.name] : undefined;
  if (scope === undefined || req.auth.scopes.includes(scope)) return next();
  const wanted = [...new Set([...req.auth.scopes, scope])].join(' ');
  const challenge = `Bearer error="insufficient_scope", scope="${wanted}", resource_metadata="${resourceMetadataUrl}"`;
  return res.status(403).set('WWW-Authenticate', challenge).json({ error: 'insufficient_scope' });
}

const notes = new Map();

function createServer() {
  const server = new McpServer({ name: 'notes', version: '1.0.0' });
  const text = (value) => ({ content: [{ type: 'text', text: value }] });
  server.registerTool('whoami', { description: 'Who the token is of' }, ({ authInfo }) =>
    text(JSON.stringify({ subject: authInfo.extra.sub, client: authInfo.clientId, scopes: authInfo.scopes })),
  );
  server.registerTool('write_note', { description: 'Writes a note for the person' }, ({ authInfo }) => {
    const { sub } = authInfo.extra;
    notes.set(sub, (notes.get(sub) ?? 0) + 1);
    return text(`${notes.get(sub)} written`);
  });
  return server;
}

const app = express();
app.get(metadataPath, (req, res) => {
  res.json({
    resource: audience,
    authorization_servers: [issuer],
    scopes_supported: ['tools:read', 'tools:write'],
    bearer_methods_supported: ['header'],
    resource_name: 'Notes',
  });
});
app.use(
  pathname,
  requireBearerAuth({ verifier: { verifyAccessToken }, requiredScopes: ['tools:read'], resourceMetadataUrl }),
  express.json(),
  stepUp,
);
app.post(pathname, async (req, res) => {
  // Without a session: each message is answered by itself.
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  const server = createServer();
  res.on('close', () => {
    void transport.close();
    void server.close();
  });
  await server.connect(transport);
  await transport.handleRequest(req, res, req.body);
});
app.all(pathname, (req, res) => {
  res.status(405).set('Allow', 'POST').end();
});
app.listen(PORT, '127.0.0.1');
