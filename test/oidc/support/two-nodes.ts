/** A node with the fast path and one without it on the same stores, and what requests to them need. */
import { TOKEN_EXCHANGE } from '../../../src/oidc/tokens/grant-types.ts';
import { signIn, type Tokens } from './flow.ts';
import { secondNode } from './proofs.ts';
import { type Client, type Person, type Provider, startProvider } from './provider.ts';
import { UserAgent } from './user-agent.ts';
import {
  ask,
  type ReceivedReply,
  type SentRequest,
  clientCredentialsRequest,
  introspectionRequest,
} from './compared-requests.ts';

/** How many requests of each kind to generate. A run by hand uses more. */
export const REQUESTS_PER_KIND = Number(process.env['FAST_PATH_REQUESTS'] ?? 80);

export const JWT = 'https://jwt.example.test';
export const OPAQUE = 'https://opaque.example.test';
/**
 * APIs with tokens that live shorter than any subject token: a remaining lifetime would differ each second.
 */
export const SHORT_LIVED = ['https://brief-jwt.example.test', 'https://brief-opaque.example.test'] as const;

export interface TwoNodes {
  provider: Provider;
  library: { url: string; output(): string };
  clients: Client[];
  /**
   * For people's tokens: plain, for APIs, with pairwise subjects, with mapped claims, with signed userinfo,
   * without a grace period.
   */
  apps: Client[];
  /** For token exchange: one with impersonation, one that is named as actor. */
  exchangers: Client[];
  person: Person;
  agent: UserAgent;
  /** Tokens of every kind, and invalid ones. */
  tokens: string[];
  /** Active tokens, each with a client that may introspect it. */
  activeTokens: [Client, string][];
  askFastPath(this: void, asked: SentRequest): Promise<ReceivedReply>;
  askLibrary(this: void, asked: SentRequest): Promise<ReceivedReply>;
  /** Signs the person in to one of the apps. */
  login(this: void, app: Client, parameters?: Record<string, string>): Promise<Tokens>;
}

export async function startTwoNodes(): Promise<TwoNodes> {
  // Lockouts must not differ between the nodes.
  const settings = { log: { level: 'debug' }, contracts: { enabled: ['gateway'], root: ['gateway'] } };
  const provider = await startProvider({ settings });
  const library = await secondNode(provider, { ...settings, http: { fastPath: false } });
  const askFastPath = (asked: SentRequest) => ask(provider.url, provider.url, asked);
  const askLibrary = (asked: SentRequest) => ask(provider.url, library.url, asked);
  await provider.createApi({ identifier: JWT, accessTokenFormat: 'jwt' });
  await provider.createApi({ identifier: OPAQUE, accessTokenFormat: 'opaque' });
  for (const [index, identifier] of SHORT_LIVED.entries())
    await provider.createApi({
      identifier,
      accessTokenFormat: index === 0 ? 'jwt' : 'opaque',
      accessTokenTtl: 60,
    });
  const own = { grant_types: ['client_credentials'] };
  const clients = [
    await provider.createClient({ ...own, scope: 'read' }),
    await provider.createClient({ ...own, scope: 'read write', default_resource: JWT }),
    await provider.createClient({
      ...own,
      token_endpoint_auth_method: 'client_secret_post',
      access_token_ttl: 90,
    }),
    await provider.createClient({ ...own, dpop_bound_access_tokens: true }),
    await provider.createClient(),
  ];
  const apps = [
    await provider.createClient(),
    await provider.createClient({ apis: [JWT, OPAQUE] }),
    await provider.createClient({ subject_type: 'pairwise' }),
    await provider.createClient({ claim_mappings: { roles: { name: 'app_roles', always: true } } }),
    await provider.createClient({ userinfo_signed_response_alg: 'ES256' }),
    await provider.createClient({ refresh_token_grace: 0 }),
  ];
  const may = { audiences: SHORT_LIVED, clients: apps.map(({ id }) => id) };
  const exchangers = await Promise.all(
    [{ ...may, impersonation: true }, may].map((token_exchange) =>
      provider.createClient({
        grant_types: ['client_credentials', TOKEN_EXCHANGE],
        apis: [JWT, ...SHORT_LIVED],
        token_exchange,
      }),
    ),
  );
  const person = await provider.createPerson();
  const agent = new UserAgent(provider.url);
  const login = (app: Client, parameters: Record<string, string> = {}): Promise<Tokens> =>
    signIn(provider, app, person, {
      agent,
      parameters: { scope: 'openid profile email offline_access', prompt: 'consent', ...parameters },
    });
  const [plain, api, pairwise, mapped, signed] = apps as [Client, Client, Client, Client, Client];
  const given: Tokens[] = [];
  for (const one of [plain, api, pairwise, mapped, signed]) given.push(await login(one));
  for (const resource of [JWT, OPAQUE])
    given.push(await login(plain, { scope: 'openid profile offline_access read', resource }));
  given.push(await login(plain, { scope: 'profile offline_access' }));
  const services = await Promise.all(
    [JWT, OPAQUE].map(async (resource) => {
      const { text } = await askLibrary(clientCredentialsRequest(clients[0]!, { resource }));
      return (JSON.parse(text) as Tokens).access_token;
    }),
  );
  const activeTokens = [plain, api, pairwise, mapped, signed].flatMap((client, index): [Client, string][] => [
    [client, given[index]!.access_token],
    [client, given[index]!.refresh_token],
    [api, given[5]!.access_token],
    [api, given[6]!.access_token],
  ]);
  const ended = await login(plain);
  await askLibrary(introspectionRequest(plain, ended.refresh_token, '/oauth2/revoke'));
  const all = [...given, ended].flatMap((one) => [one.access_token, one.refresh_token, one.id_token]);
  const jwt = services[0]!;
  const tokens = [
    ...all,
    ...services,
    jwt.replace(/.$/, 'A'),
    jwt.replace('.', '..'),
    'a.b.c',
    'none',
    '',
    'a b',
  ]
    // A login without `openid` has no ID token.
    .filter((one) => one !== undefined);
  // Make every client known to both nodes: the fast path needs them in memory.
  await Promise.all(
    [...clients, ...apps, ...exchangers].flatMap((client) =>
      [askFastPath, askLibrary].map((put) => put(introspectionRequest(client, 'x'))),
    ),
  );
  return {
    provider,
    library,
    clients,
    apps,
    exchangers,
    person,
    agent,
    tokens,
    activeTokens,
    askFastPath,
    askLibrary,
    login,
  };
}
