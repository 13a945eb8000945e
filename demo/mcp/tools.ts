import type { IncomingMessage, ServerResponse } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { createRemoteJWKSet, jwtVerify } from 'jose';

export interface ToolsOptions {
  issuer: string;
  /** The URL of the MCP server: the identifier that it is added under, and the audience of its tokens. */
  url: string;
}

export const SCOPES = { read: 'notes:read', write: 'notes:write' } as const;

/** What the server serves at the path in `metadataPath` (RFC 9728): where clients get their tokens. */
export const protectedResource = ({ issuer, url }: ToolsOptions) => ({
  resource: url,
  authorization_servers: [issuer],
  scopes_supported: Object.values(SCOPES),
  bearer_methods_supported: ['header'],
  resource_name: 'Scribe',
});

export const metadataPath = (url: string): string =>
  `/.well-known/oauth-protected-resource${new URL(url).pathname}`;

const text = (value: string): CallToolResult => ({ content: [{ type: 'text', text: value }] });

/** The scope that a message needs. */
const neededBy = (message: unknown): string => {
  const { method, params } = message as { method?: string; params?: { name?: string } };
  return method === 'tools/call' && params?.name === 'write_note' ? SCOPES.write : SCOPES.read;
};

/** An MCP server with two tools: it takes tokens that are for it, and asks for more where a tool needs more. */
export function createTools(options: ToolsOptions) {
  const { issuer, url } = options;
  const keys = createRemoteJWKSet(new URL('/oauth2/jwks', issuer));
  const notes = new Map<unknown, string[]>();
  const metadata = new URL(metadataPath(url), url).href;

  async function authenticate(req: IncomingMessage): Promise<AuthInfo | undefined> {
    const [, token = ''] = /^Bearer (.+)$/i.exec(req.headers.authorization ?? '') ?? [];
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, audience: url, typ: 'at+jwt' });
      const { client_id: clientId, scope = '', sub } = payload;
      return { token, clientId: String(clientId), scopes: String(scope).split(' '), extra: { sub } };
    } catch {
      return undefined;
    }
  }

  function createServer(): McpServer {
    const server = new McpServer({ name: 'scribe', version: '1.0.0' });
    server.registerTool('list_notes', { description: 'The notes of the person' }, ({ authInfo }) =>
      text((notes.get(authInfo?.extra?.['sub']) ?? []).join('\n') || 'No notes yet.'),
    );
    server.registerTool('write_note', { description: 'Writes a note for the person' }, ({ authInfo }) => {
      const sub = authInfo?.extra?.['sub'];
      notes.set(sub, [...(notes.get(sub) ?? []), `A note by ${authInfo?.clientId}`]);
      return text('Written.');
    });
    return server;
  }

  const challenge = (res: ServerResponse, status: number, error: string, scope: string): void => {
    const parameters = `error="${error}", scope="${scope}", resource_metadata="${metadata}"`;
    res.writeHead(status, { 'WWW-Authenticate': `Bearer ${parameters}` }).end();
  };

  /** Answers one message: each is a request of its own, without a session. */
  return async (req: IncomingMessage, res: ServerResponse, message: unknown): Promise<void> => {
    const auth = await authenticate(req);
    const needed = neededBy(message);
    if (!auth) return challenge(res, 401, 'invalid_token', SCOPES.read);
    if (!auth.scopes.includes(needed)) return challenge(res, 403, 'insufficient_scope', needed);
    const transport = new StreamableHTTPServerTransport({});
    const server = createServer();
    res.on('close', () => void server.close());
    await server.connect(transport);
    await transport.handleRequest(Object.assign(req, { auth }), res, message);
  };
}
