import { createHash } from 'node:crypto';
import { Agent, request } from 'node:http';
import { beforeAll, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { secondNode } from './support/proofs.ts';
import { type Client, type Provider, startProvider } from './support/provider.ts';

/** How many requests are made up; a run of its own takes more. */
const MADE_UP = Number(process.env['FAST_PATH_REQUESTS'] ?? 400);

const JWT = 'https://jwt.example.test';
const OPAQUE = 'https://opaque.example.test';

interface Asked {
  headers: Record<string, string>;
  body: string;
  /** Where the body is cut in two writes. */
  cut?: number;
}

let provider: Provider;
let long: { url: string };
let clients: Client[];
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

beforeAll(async () => {
  // Neither may know whom the other one has locked out.
  provider = await startProvider();
  long = await secondNode(provider, { http: { fastPath: false } });
  await provider.createApi({ identifier: JWT, accessTokenFormat: 'jwt' });
  await provider.createApi({ identifier: OPAQUE, accessTokenFormat: 'opaque' });
  const own = { grant_types: ['client_credentials'] };
  clients = [
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
}, 60_000);

async function ask(url: string, { headers, body, cut = 0 }: Asked) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    raw: string[];
    status: number | undefined;
    text: string;
  }>();
  const { host } = new URL(provider.url);
  const sent = request(
    `${url}/oauth2/token`,
    {
      method: 'POST',
      agent,
      headers: { host, 'content-length': String(Buffer.byteLength(body)), ...headers },
    },
    (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (part: string) => (text += part));
      reply.on('end', () => resolve({ raw: reply.rawHeaders, status: reply.statusCode, text }));
    },
  );
  sent.on('error', reject);
  if (cut > 0) {
    sent.write(body.slice(0, cut));
    await new Promise((next) => setTimeout(next, 5));
  }
  sent.end(body.slice(cut));
  const { raw, status, text } = await promise;
  const pairs = raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1]]] : []));
  return {
    isShort: raw[2] === 'Content-Type',
    status,
    headers: Object.fromEntries(pairs) as Record<string, string>,
    text,
  };
}

/** What two replies to one request have in common. */
function essence({ status, headers, text }: Awaited<ReturnType<typeof ask>>) {
  const { 'date': _date, 'x-request-id': _id, 'content-length': _length, ...others } = headers;
  if (!headers['content-type']?.startsWith('application/json'))
    return { status, others, page: text.length > 0 };
  const body = JSON.parse(text) as Record<string, unknown>;
  const token = typeof body['access_token'] === 'string' ? body['access_token'] : '';
  if (token.includes('.')) {
    const { iat = 0, exp = 0, jti, ...claims } = decodeJwt(token);
    body['access_token'] = [decodeProtectedHeader(token), claims, exp - iat, jti?.length];
  } else if (token !== '') body['access_token'] = token.length;
  return { status, headers: others, body };
}

const basic = (id: string, secret: string, scheme = 'Basic') => ({
  authorization: `${scheme} ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** A number below `below` that a seed decides. */
const chance = (seed: string) => {
  const bytes = createHash('sha512').update(seed).digest();
  let at = 0;
  return (below: number) => bytes.readUInt16BE((at = (at + 2) % 62)) % below;
};

/** A request that is plain but for what chance changes about it. */
function madeUp(seed: string): Asked {
  const pick = chance(seed);
  const one = <T>(...all: T[]): T => all[pick(all.length)] as T;
  const rarely = <T>(...all: T[]): T | undefined => (pick(10) === 0 ? one(...all) : undefined);
  const { id, secret } = one(...clients.slice(0, 3), ...clients);
  const given = rarely(`${secret}x`, '', 'é', `${secret}:`) ?? secret;
  const name = rarely('nobody', 'a b', id.toUpperCase()) ?? id;
  const form = new URLSearchParams({
    grant_type: rarely('password', 'refresh_token', '') ?? 'client_credentials',
  });
  const inBody = pick(3) === 0;
  if (inBody || pick(8) === 0) form.set('client_id', rarely('other') ?? name);
  if (inBody) form.set('client_secret', given);
  const resource = one(undefined, JWT, OPAQUE, rarely(`${JWT}/other`, `${JWT}#x`, 'no', ''));
  if (resource !== undefined) form.set('resource', resource);
  const scope = one(
    undefined,
    'read',
    rarely('write', 'read write', 'read  write', 'openid', 'users:read', '"', ''),
  );
  if (scope !== undefined) form.set('scope', scope);
  const more = rarely(
    ['scope', 'read'],
    ['resource', OPAQUE],
    ['nonce', '1'],
    ['authorization_details', '[]'],
  );
  if (more) form.append(more[0]!, more[1]!);
  let body = form.toString();
  body = rarely(`${body}&`, `&${body}`, body.replace('=', '%3D'), `\uFEFF${body}`, '{}') ?? body;
  const type = rarely(
    `${FORM['content-type']}; charset=UTF-8`,
    `${FORM['content-type']};charset=latin1`,
    'application/json',
  );
  const headers = {
    'content-type': type ?? FORM['content-type'],
    ...(inBody && pick(4) > 0 ? {} : basic(name, given, rarely('basic', 'Bearer', 'Basic '))),
    ...rarely(
      { origin: 'https://app.example.test' },
      { dpop: 'x' },
      { accept: 'text/html' },
      { expect: '100-continue' },
    ),
  };
  return { headers, body, cut: rarely(1, 10) ?? 0 };
}

it('a plain request goes the short way once its client is known, by either of its formats and ways to authenticate', async () => {
  for (const resource of [JWT, OPAQUE])
    for (const [index, { id, secret }] of clients.slice(0, 3).entries()) {
      const form = new URLSearchParams({ grant_type: 'client_credentials', resource });
      const asked =
        index === 2
          ? { headers: FORM, body: `${form.toString()}&client_id=${id}&client_secret=${secret}` }
          : { headers: { ...FORM, ...basic(id, secret) }, body: form.toString() };
      await ask(provider.url, asked);
      const [short, other] = [await ask(provider.url, asked), await ask(long.url, asked)];
      expect([short.isShort, other.isShort]).toEqual([true, false]);
      expect(short.status).toBe(200);
      expect(essence(short)).toEqual(essence(other));
    }
});

it('whatever is asked, both ways answer alike', async () => {
  let [answered, short] = [0, 0];
  const compare = async (index: number) => {
    const asked = madeUp(String(index));
    const [one, other] = await Promise.all([ask(provider.url, asked), ask(long.url, asked)]);
    expect({ asked, ...essence(one) }).toEqual({ asked, ...essence(other) });
    if (one.status === 200) answered += 1;
    if (one.isShort) short += 1;
  };
  for (let index = 0; index < MADE_UP; index += 8)
    await Promise.all(Array.from({ length: 8 }, (_, step) => compare(index + step)));
  expect(short).toBeGreaterThan(MADE_UP / 10);
  expect(answered).toBeGreaterThan(short);
}, 36_000_000);

it('a token of the short way is one like any other: it introspects, its use is noted, and it is counted', async () => {
  const [{ id, secret }] = clients as [Client];
  const metrics = async () => {
    const text = await (await fetch(`${provider.url}/metrics`)).text();
    const line = /^postern_grants_total\{[^}]*client_credentials[^}]*success[^}]*\} (\d+)/m.exec(text);
    return Number(line?.[1] ?? 0);
  };
  const before = await metrics();
  const asked = {
    headers: { ...FORM, ...basic(id, secret) },
    body: `grant_type=client_credentials&resource=${OPAQUE}`,
  };
  const reply = await ask(provider.url, asked);
  expect([reply.isShort, (await metrics()) - before]).toEqual([true, 1]);
  const introspection = await fetch(`${provider.url}/oauth2/introspect`, {
    method: 'POST',
    headers: basic(id, secret),
    body: new URLSearchParams({
      token: (JSON.parse(reply.text) as { access_token: string }).access_token,
    }),
  });
  expect(await introspection.json()).toMatchObject({ active: true, client_id: id, aud: OPAQUE });
});

it('a secret that has been replaced, and a client that is disabled, end the short way at once', async () => {
  const client = await provider.createClient({ grant_types: ['client_credentials'], scope: 'read' });
  const asked = (secret: string) => ({
    headers: { ...FORM, ...basic(client.id, secret) },
    body: `grant_type=client_credentials&resource=${JWT}`,
  });
  await ask(provider.url, asked(client.secret));
  expect(await ask(provider.url, asked(client.secret))).toMatchObject({ status: 200, isShort: true });
  await provider.sql('update clients set enabled = false where id = $1', [client.id]);
  await provider.sql("select pg_notify('postern', $1)", [`clients:${client.id}`]);
  let status: number | undefined = 200;
  while (status === 200) ({ status } = await ask(provider.url, asked(client.secret)));
  expect(status).toBe(401);
});
