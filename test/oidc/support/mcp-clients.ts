/**
 * The registrations (RFC 7591) of common editors and assistants, as published or observed: redirect URIs,
 * authentication
 * methods, grants, scope.
 */
const USUAL = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] };
const PUBLIC = { ...USUAL, token_endpoint_auth_method: 'none' };

export const MCP_CLIENTS: readonly (Record<string, unknown> & {
  client_name: string;
  redirect_uris: string[];
})[] = [
  {
    client_name: 'Visual Studio Code',
    client_uri: 'https://code.visualstudio.com',
    redirect_uris: [
      'https://insiders.vscode.dev/redirect',
      'https://vscode.dev/redirect',
      'http://127.0.0.1/',
      'http://127.0.0.1:33418/',
    ],
    application_type: 'native',
    ...PUBLIC,
    grant_types: [...PUBLIC.grant_types, 'urn:ietf:params:oauth:grant-type:device_code'],
  },
  {
    client_name: 'Cursor',
    redirect_uris: [
      'https://www.cursor.com/agents/mcp/oauth/callback',
      'https://www.cursor.com/bot/mcp/oauth/callback',
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'http://localhost:8787/callback',
      // A scheme without a period (RFC 8252 section 7.1), which is left out.
      'grokbot://mcp/oauth/callback',
    ],
    ...PUBLIC,
  },
  {
    client_name: 'Claude',
    redirect_uris: ['https://claude.ai/api/mcp/auth_callback'],
    ...USUAL,
    token_endpoint_auth_method: 'client_secret_post',
    scope: 'claudeai',
  },
  { client_name: 'Claude Code', redirect_uris: ['http://localhost:61234/callback'], ...PUBLIC },
  {
    client_name: 'ChatGPT',
    redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
    ...USUAL,
    token_endpoint_auth_method: 'client_secret_basic',
  },
  {
    client_name: 'Gemini CLI MCP Client',
    redirect_uris: ['http://localhost:7777/oauth/callback'],
    ...PUBLIC,
    scope: '',
  },
  { client_name: 'Windsurf', redirect_uris: ['http://127.0.0.1:54321/oauth/callback'], ...PUBLIC },
  {
    client_name: 'Zed',
    client_uri: 'https://zed.dev',
    redirect_uris: ['http://127.0.0.1:51234/callback'],
    token_endpoint_auth_method: 'none',
  },
  { client_name: 'goose', redirect_uris: ['http://localhost:52345/oauth_callback'], ...PUBLIC },
  { client_name: 'Codex', redirect_uris: ['http://127.0.0.1:53456/callback/a1b2'], ...PUBLIC },
  {
    client_name: 'MCP Inspector',
    client_uri: 'https://github.com/modelcontextprotocol/inspector',
    redirect_uris: ['http://localhost:6274/oauth/callback', 'http://localhost:6274/oauth/callback/debug'],
    ...PUBLIC,
    scope: 'tools:read tools:write',
  },
];
