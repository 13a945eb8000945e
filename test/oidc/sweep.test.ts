import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { resetCounters } from './support/stored-records.ts';
import { ASSERTION_TYPE, newKeys } from './support/proofs.ts';
import { API, discoverEndpoints, type Endpoint, ERROR_CODES, PARAMETERS } from './support/endpoints.ts';
import { form } from './support/flow.ts';
import { expectNoFailure } from '../support/failures.ts';
import { type Client, type Provider, REDIRECT_URI, startProvider } from './support/provider.ts';

type Parameters = Record<string, string | string[]>;

interface Sent {
  method?: string;
  query?: URLSearchParams;
  body?: URLSearchParams | string;
  headers?: Record<string, string>;
}

/** Values that break programs. */
const HOSTILE: [string, string][] = [
  ['a NUL byte', 'a\0b'],
  ['a lone surrogate and a line break', 'a\ud800b\r\nSet-Cookie: x=y'],
  ['markup and SQL', `"><script>alert(1)</script>' or 1=1; drop table users; --`],
  ['an overlong value', 'x'.repeat(9_000)],
  ['emptiness', ''],
  ['JSON', '{"a":[{}],"__proto__":1}'],
];

/** Sends requests to refuse to every endpoint in discovery, including future ones. */
describe('every endpoint in discovery', () => {
  let provider: Provider;
  let client: Client;
  let endpoints: Endpoint[];
  beforeAll(async () => {
    provider = await startProvider();
    const metadata = (await (
      await fetch(`${provider.url}/.well-known/openid-configuration`)
    ).json()) as Record<string, string[]>;
    await provider.createApi({ identifier: API });
    client = await provider.createClient({
      grant_types: metadata['grant_types_supported'],
      response_types: ['code'],
      redirect_uris: [REDIRECT_URI],
      jwks: { keys: [(await newKeys()).publicJwk] },
      token_exchange: { audiences: [API], clients: [], impersonation: true },
      ...(metadata['grant_types_supported']?.includes('urn:openid:params:grant-type:ciba')
        ? { backchannel_token_delivery_mode: 'poll' }
        : {}),
    });
    endpoints = await discoverEndpoints(provider.url, client);
  });
  beforeEach(() => resetCounters(provider, 'guess:'));
  afterAll(() => expectNoFailure(provider.postern));

  const basic = (secret = client.secret, id = client.id) => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  });

  /** What is wrong with a reply, or null. */
  async function wrongWith(reply: Response): Promise<string | null> {
    const text = await reply.text();
    const { status } = reply;
    if (status >= 500) return `${status}`;
    // Guesses are counted; each test starts anew.
    if (status === 429) return null;
    if (/\bat .*\.[jt]s:\d+|node_modules|\/src\/|<script>alert/.test(text))
      return `says ${text.slice(0, 500)}`;
    const location = reply.headers.get('location');
    if (location !== null) {
      const { origin } = new URL(location, provider.url);
      return [new URL(provider.url).origin, new URL(client.redirectUri).origin].includes(origin)
        ? null
        : `leads to ${location}`;
    }
    if (status < 400 || !reply.headers.get('content-type')?.includes('json')) return null;
    const { error } = JSON.parse(text) as { error?: string };
    return ERROR_CODES.includes(error ?? '') ? null : `${status} ${text.slice(0, 200)}`;
  }

  const send = (url: string, { query, ...init }: Sent): Promise<Response> =>
    fetch(query ? `${url}?${query.toString()}` : url, { redirect: 'manual', ...init });

  /** The usual request to the endpoint, with client credentials if it needs them. */
  function ask({ url, method, authenticates }: Endpoint, parameters: URLSearchParams): Promise<Response> {
    const headers = authenticates ? basic() : {};
    return method === 'GET'
      ? send(url, { query: parameters, headers })
      : send(url, { method, body: parameters, headers });
  }

  /** Sends all requests, a few at a time. @returns what was wrong with which. */
  async function complaints(all: [string, () => Promise<Response>][]): Promise<string[]> {
    const found: string[] = [];
    const next = all.values();
    const work = async () => {
      for (const [what, request] of next) {
        const problem = await wrongWith(await request());
        if (problem !== null) found.push(`${what}: ${problem}`);
      }
    };
    await Promise.all(Array.from({ length: 6 }, work));
    return found;
  }

  const nameOf = ({ name }: Endpoint, request: Parameters) =>
    `${name} ${String(request['grant_type'] ?? '')}`;

  it('exists', () => {
    expect(endpoints.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint']),
    );
  });

  it.each(HOSTILE)('with %s in any parameter answers as specified', async (_, value) => {
    const all = endpoints.flatMap((endpoint) =>
      endpoint.requests.flatMap((request, index) =>
        // Try unusual parameters with one request for each endpoint.
        (index === 0 ? PARAMETERS : Object.keys(request)).map((name): [string, () => Promise<Response>] => [
          `${nameOf(endpoint, request)} ${name}`,
          () => ask(endpoint, form({ ...request, [name]: value })),
        ]),
      ),
    );
    expect(await complaints(all)).toEqual([]);
  });

  it.each(['%s[]', '%s[a]', '%s.a', '%s '])('does not take %s for a parameter', async (pattern) => {
    const all = endpoints.flatMap((endpoint) =>
      endpoint.requests.flatMap((request) =>
        Object.entries(request).map(([name, value]): [string, () => Promise<Response>] => {
          const { [name]: _gone, ...others } = request;
          return [
            `${nameOf(endpoint, request)} ${name}`,
            () => ask(endpoint, form({ ...others, [pattern.replace('%s', name)]: value })),
          ];
        }),
      ),
    );
    expect(await complaints(all)).toEqual([]);
  });

  /** Status and OAuth error of a reply: as JSON, at the client or on a page. */
  async function outcome(reply: Response): Promise<string> {
    const location = reply.headers.get('location');
    const text = await reply.text();
    const error = location
      ? URL.parse(location)?.searchParams.get('error')
      : /\b(?:invalid|unsupported|unauthorized)_\w+/.exec(text)?.[0];
    return `${reply.status} ${error ?? ''}`;
  }

  /** The outcome for each required parameter after `change`. */
  async function outcomes(change: (request: Parameters, name: string) => Parameters): Promise<string[]> {
    const all: string[] = [];
    for (const endpoint of endpoints)
      for (const request of endpoint.requests)
        for (const name of Object.keys(request).filter((one) => !endpoint.optional?.includes(one))) {
          const reply = await ask(endpoint, form(change(request, name)));
          all.push(`${nameOf(endpoint, request)} ${name}: ${await outcome(reply)}`);
        }
    return all;
  }

  it('refuses a request without a required parameter', async () => {
    const refused = await outcomes((request, name) =>
      Object.fromEntries(Object.entries(request).filter(([other]) => other !== name)),
    );
    expect(refused).toEqual(refused.map(() => expect.stringMatching(/: (400|303) invalid_request$/)));
  });

  it('refuses a request with a repeated parameter', async () => {
    const refused = await outcomes((request, name) => ({
      ...request,
      [name]: [request[name] ?? '', 'x'].flat(),
    }));
    expect(refused).toEqual(refused.map(() => expect.stringMatching(/: (400|303) invalid_request$/)));
  });

  /** The replies of every endpoint with client authentication. */
  async function authenticated(sent: (parameters: Parameters) => Sent): Promise<string[]> {
    const found: string[] = [];
    for (const { name, url, authenticates, requests } of endpoints)
      if (authenticates)
        found.push(
          `${name}: ${await outcome(await send(url, { method: 'POST', ...sent(requests[0] ?? {}) }))}`,
        );
    return found;
  }

  it.each<[string, (parameters: Parameters) => Sent, string]>([
    ['no client', (all) => ({ body: form(all) }), '(400 invalid_request|401 invalid_client)'],
    [
      'an unknown client',
      (all) => ({ body: form({ ...all, client_id: 'nobody' }), headers: basic('x', 'nobody') }),
      '401 invalid_client',
    ],
    ['a wrong secret', (all) => ({ body: form(all), headers: basic('wrong') }), '401 invalid_client'],
    ['no secret', (all) => ({ body: form({ ...all, client_id: client.id }) }), '401 invalid_client'],
    [
      'a secret in the header and one in the body',
      (all) => ({ body: form({ ...all, client_secret: client.secret }), headers: basic() }),
      '400 invalid_request',
    ],
    [
      'a secret and an assertion',
      (all) => ({
        body: form({ ...all, client_assertion: 'x.y.z', client_assertion_type: ASSERTION_TYPE }),
        headers: basic(),
      }),
      '400 invalid_request',
    ],
    [
      'another client in the body',
      (all) => ({ body: form({ ...all, client_id: 'another' }), headers: basic() }),
      '400 invalid_request',
    ],
    [
      'a secret in the query',
      (all) => ({
        query: form({ client_id: client.id, client_secret: client.secret }),
        body: form({ ...all, client_id: client.id, client_secret: client.secret }),
      }),
      '400 invalid_request',
    ],
    [
      'everything in the query',
      (all) => ({ query: form({ ...all, client_id: client.id, client_secret: client.secret }) }),
      '400 invalid_request',
    ],
    [
      'JSON',
      (all) => ({ body: JSON.stringify(all), headers: { ...basic(), 'content-type': 'application/json' } }),
      '400 invalid_request',
    ],
  ])('with client authentication refuses %s', async (_, sent, refused) => {
    const answers = await authenticated(sent);
    expect(answers).toEqual(answers.map(() => expect.stringMatching(new RegExp(`: ${refused}$`))));
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])(
    'refuses the method %s unless specified',
    async (method) => {
      for (const { name, url, method: usual, requests } of endpoints) {
        if (method === 'GET' && (usual === 'GET' || name === 'userinfo_endpoint')) continue;
        const { status } = await send(url, { method, query: form(requests[0] ?? {}), headers: basic() });
        expect([name, status, [400, 404, 405].includes(status)]).toEqual([name, status, true]);
      }
    },
  );

  it('refuses an endless body', async () => {
    for (const { name, url } of endpoints) {
      const body = form({ token: 'x'.repeat(2_000_000) });
      const status = await send(url, { method: 'POST', body, headers: basic() }).then(
        (reply) => reply.status,
        // The server may close the connection on an endless body.
        () => 413,
      );
      expect([name, status, [400, 404, 405, 413].includes(status)]).toEqual([name, status, true]);
    }
  });
});
