import { randomUUID } from 'node:crypto';
import { auth, type OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';

/** An agent as the official SDK has it: it registers itself, and is sent to sign in when a server asks for a token. */
export class Assistant implements OAuthClientProvider {
  readonly redirectUrl: string;
  readonly clientMetadata: OAuthClientMetadata;
  readonly #server: string;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = '';
  #state = '';
  /** Where the person has to go. */
  #destination = '';

  constructor(server: string, redirectUrl: string) {
    this.#server = server;
    this.redirectUrl = redirectUrl;
    this.clientMetadata = {
      client_name: 'Scribe’s assistant',
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  clientInformation = () => this.#client;
  saveClientInformation = (client: OAuthClientInformationMixed) => void (this.#client = client);
  tokens = () => this.#tokens;
  saveTokens = (tokens: OAuthTokens) => void (this.#tokens = tokens);
  saveCodeVerifier = (verifier: string) => void (this.#verifier = verifier);
  codeVerifier = () => this.#verifier;
  state = () => (this.#state = randomUUID());
  redirectToAuthorization = (url: URL) => void (this.#destination = url.href);
  invalidateCredentials = () => {
    this.#client = undefined;
    this.#tokens = undefined;
  };

  get isConnected(): boolean {
    return this.#tokens !== undefined;
  }

  get scope(): string {
    return this.#tokens?.scope ?? '';
  }

  /** @returns where to send the person, to allow `scope` beside what was allowed. */
  async ask(scope: string): Promise<string> {
    const wanted = [...new Set([...this.scope.split(' ').filter(Boolean), scope])].join(' ');
    // With tokens the SDK would refresh them, and get no more than there was.
    this.#tokens = undefined;
    await auth(this, { serverUrl: this.#server, scope: wanted });
    return this.#destination;
  }

  /** The person is back, with the code. What nobody asked for is not looked at (RFC 6749 section 10.12). */
  async finish(authorizationCode: string, state: string): Promise<void> {
    if (this.#state === '' || state !== this.#state) return;
    this.#state = '';
    await auth(this, { serverUrl: this.#server, authorizationCode });
  }

  /** Calls a tool. @returns its text. @throws what the SDK throws, above all when the server wants another token. */
  async call(name: string): Promise<string> {
    const client = new Client({ name: 'scribe-assistant', version: '1.0.0' });
    const transport = new StreamableHTTPClientTransport(new URL(this.#server), { authProvider: this });
    await client.connect(transport);
    try {
      const { content } = (await client.callTool({ name })) as { content: { text: string }[] };
      return content[0]?.text ?? '';
    } finally {
      await client.close();
    }
  }
}
