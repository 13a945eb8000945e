import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Contract, Operation } from '../../src/http/contracts/contract.ts';
import { type BadBody, type Body, unreadable, wrong } from './support/bodies.ts';
import { forgeries, type Forgeries } from './support/forgeries.ts';
import { GOOD } from './support/good.ts';
import { createKey, contractOf, type ContractServer, startContractServer } from './support/server.ts';
import { flows, type Member, type Name, names } from './support/members.ts';
import { problemWith, rawSender, type RawReply, type RawRequest } from './support/raw.ts';

const UNKNOWN_ID = '7c3c6d5c-0000-4000-8000-000000000000';
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE', 'QUERY'];

/** Statuses of operations that need more than a valid body: a mailed token or a begun enrolment. */
const OUT_OF_REACH: Record<string, number> = { passwordResetConfirm: 400, confirmTotp: 404 };

let server: ContractServer;
let forged: Forgeries;
beforeAll(async () => {
  // Generous limits: no lockout and no mail limit should interfere.
  server = await startContractServer({
    settings: {
      lockout: { pair: { attempts: 100_000 }, source: { attempts: 100_000 }, account: { attempts: 100_000 } },
    },
  });
  forged = await forgeries(server);
});

const pathOf = ({ basePath }: Contract, { path }: Operation, value = UNKNOWN_ID) =>
  `${basePath}${path.replace(/\{\w+\}/, value)}`;

/** Credentials that the operation accepts. */
const credentials = ({ auth }: Operation, { token }: Member): Record<string, string> =>
  auth === 'apiKey'
    ? { 'X-API-Key': server.apiKey }
    : auth === 'none'
      ? {}
      : { Authorization: `Bearer ${token}` };

describe.each(names)('the contract %s', (name) => {
  const contract = contractOf(name);
  let send: (request: RawRequest) => Promise<RawReply>;
  beforeAll(() => {
    send = rawSender(server.postern.port, contract);
  });

  const withBody = contract.operations.filter(({ body }) => body);

  it('has a valid body in these tests for every operation with a body', () => {
    expect(Object.keys(GOOD[name]!).sort()).toEqual(withBody.map(({ id }) => id).sort());
  });

  describe.each(withBody)('$id', (operation) => {
    const documented = [...Object.keys(operation.replies).map(Number), ...operation.refusals, 400];

    const refuses = async (bodies: (good: Body) => BadBody[], renew: boolean) => {
      let member = await flows[name].join(server.visitor(name));
      const flaws: string[] = [];
      for (const { title, body, type = 'application/json', statuses } of bodies(
        GOOD[name]![operation.id]!(member),
      )) {
        const value = member.params['user_id'] ?? UNKNOWN_ID;
        const reply = await send({
          method: operation.method.toUpperCase(),
          path: pathOf(contract, operation, value),
          headers: { ...credentials(operation, member), ...(type === '' ? {} : { 'Content-Type': type }) },
          body,
        });
        const what = problemWith(contract, reply, statuses ?? documented);
        if (what !== null) flaws.push(`${title}: ${what}`);
        // The odd password may have been set.
        if (renew && reply.status < 300) member = await flows[name].join(server.visitor(name));
      }
      expect(flaws).toEqual([]);
    };

    it('refuses unreadable bodies', () => refuses(unreadable, false));
    it('refuses invalid bodies', () => refuses((good) => wrong(operation, good), true));

    it('ignores unknown fields', async () => {
      const member = await flows[name].join(server.visitor(name));
      await server.sql('update users set owner_proven_at = now() where email = $1', [member.email]);
      const good = GOOD[name]![operation.id]!(member);
      const more = {
        role: 'admin',
        roles: ['admin'],
        is_superuser: true,
        status: 'suspended',
        id: UNKNOWN_ID,
        emailVerified: true,
      };
      const reply = await send({
        method: operation.method.toUpperCase(),
        path: pathOf(contract, operation, member.params['user_id']),
        headers: { ...credentials(operation, member), 'Content-Type': 'application/json; charset=utf-8' },
        body: JSON.stringify({ ...more, ...good, constructor: 1, __proto__: 1 }),
      });
      const status = OUT_OF_REACH[operation.id] ?? Number(Object.keys(operation.replies)[0]);
      expect(problemWith(contract, reply, [status])).toBeNull();
      const accounts = await server.sql(
        `select email from users where 'admin' = any (roles) or status <> 'active' or email_verified_at is not null and email like 'case-%'`,
      );
      expect(accounts).toEqual([{ email: 'admin@postern.localhost' }]);
    });
  });

  it('answers 405 with Allow to other methods on its paths', async () => {
    const member = await flows[name].join(server.visitor(name));
    const flaws: string[] = [];
    for (const operation of contract.operations) {
      const path = pathOf(contract, operation);
      const allowed = contract.operations
        .filter((one) => pathOf(contract, one) === path)
        .map(({ method }) => method.toUpperCase());
      for (const method of METHODS.filter((one) => !allowed.includes(one))) {
        const reply = await send({ method, path, headers: credentials(operation, member) });
        const what = problemWith(contract, reply, [405]);
        const allow = reply.headers.allow?.split(', ').filter((one) => one !== 'HEAD') ?? [];
        if (what !== null || allow.sort().join() !== allowed.sort().join())
          flaws.push(`${method} ${path}: ${what} ${allow.join()}`);
      }
      if (allowed.includes('GET')) {
        const reply = await send({ method: 'HEAD', path, headers: credentials(operation, member) });
        if (reply.status >= 405 || reply.text !== '') flaws.push(`HEAD ${path}: ${reply.status}`);
      }
    }
    expect(flaws).toEqual([]);
  });

  it('answers 404 to unknown paths', async () => {
    const paths = contract.operations.map((operation) => pathOf(contract, operation));
    const [first = ''] = paths;
    const strange = [
      '',
      '/',
      '//',
      '/nope',
      '/api',
      '/%',
      '/%00',
      '/%ff',
      '/..%2f..%2fhealth',
      `/${first}`,
      `${first}/`,
      `${first}//`,
      `${first}%20`,
      `${first};x`,
      first.toUpperCase(),
      `${first}/../x`,
    ];
    const flaws: string[] = [];
    for (const path of [...strange, ...paths.map((one) => `${one}/more/still`)])
      for (const method of ['GET', 'POST']) {
        const what = problemWith(
          contract,
          await send({ method, path, headers: { 'X-API-Key': server.apiKey } }),
          [404],
        );
        if (what !== null) flaws.push(`${method} ${path}: ${what}`);
      }
    expect(flaws).toEqual([]);
  });

  const protectedOnes = contract.operations.filter(({ auth }) => auth.startsWith('bearer'));

  if (protectedOnes.length > 0) {
    it('refuses every foreign or invalid access token', async () => {
      const tokens = await forged.at(name);
      const good = (await flows[name].join(server.visitor(name))).token;
      const headers: Record<string, Record<string, string | string[]>> = {
        'no header': {},
        'an empty header': { Authorization: '' },
        'the scheme alone': { Authorization: 'Bearer' },
        'another scheme': { Authorization: `Basic ${good}` },
        'no scheme': { Authorization: good },
        'two tokens': { Authorization: `Bearer ${good} ${good}` },
        'in the query alone': { 'X-Query': '1' },
        ...Object.fromEntries(
          Object.entries(tokens).map(([title, token]) => [title, { Authorization: `Bearer ${token}` }]),
        ),
      };
      const flaws: string[] = [];
      for (const operation of protectedOnes)
        for (const [title, sent] of Object.entries(headers)) {
          const path = pathOf(contract, operation) + (sent['X-Query'] ? `?access_token=${good}` : '');
          const body = operation.body ? { body: '{}' } : {};
          const reply = await send({
            method: operation.method.toUpperCase(),
            path,
            headers: { ...sent, 'Content-Type': 'application/json' },
            ...body,
          });
          const what = problemWith(contract, reply, [401]);
          if (what !== null) flaws.push(`${operation.id}, ${title}: ${what}`);
        }
      expect(flaws).toEqual([]);
    });
  }

  if (flows[name].refresh)
    it('refuses every foreign or invalid refresh token', async () => {
      const visitor = server.visitor(name);
      for (const token of Object.values(await forged.at(name)).filter((one) => !/^[\w-]{43}$/.test(one)))
        await flows[name].refresh!(visitor, token, 401);
      const other = name === 'ppl' ? 'gateway' : 'ppl';
      await flows[name].refresh!(visitor, (await flows[other].join(server.visitor(other))).refreshToken, 401);
    });

  it('creates one account for twenty parallel registrations, and answers the others as documented', async () => {
    const register = contract.operations.find(({ id }) => ['register', 'createUser'].includes(id))!;
    const conflict = contract.statuses.email_taken ?? 409;
    const one = GOOD[name]![register.id]!({} as Member);
    // They share the email address, or where there are usernames, the username.
    const others = 'username' in one ? ['email', 'username'] : ['email'];
    for (const shared of others) {
      const same = GOOD[name]![register.id]!({} as Member)[shared] as string;
      const replies = await Promise.all(
        Array.from({ length: 20 }, (_, index) => {
          const value = index % 2 ? same : same.toUpperCase();
          const body = JSON.stringify({ ...GOOD[name]![register.id]!({} as Member), [shared]: value });
          const headers = { 'Content-Type': 'application/json', 'X-API-Key': server.apiKey };
          return send({ method: 'POST', path: pathOf(contract, register), headers, body });
        }),
      );
      const count = (wanted: number) => replies.filter(({ status }) => status === wanted).length;
      expect([count(201), count(conflict)]).toEqual([1, 19]);
      expect(replies.map((reply) => problemWith(contract, reply, [201, conflict])).filter(Boolean)).toEqual(
        [],
      );
    }
  });
});

describe('invalid ids are answered by 404:', () => {
  const ODD = [
    '0',
    '-1',
    '1.5',
    '1e3',
    '0x1f',
    '01',
    '+1',
    '%201',
    '1%20',
    '%31',
    '２',
    '2147483648',
    '9223372036854775808',
    '9'.repeat(400),
    'null',
    'undefined',
    '%00',
    '%ff',
    '%ED%A0%80',
    "'--",
    '{}',
    UNKNOWN_ID,
    UNKNOWN_ID.toUpperCase(),
    `{${UNKNOWN_ID}}`,
    UNKNOWN_ID.replaceAll('-', ''),
  ];

  it.each<[Name, string]>([
    ['keyed', 'getUser'],
    ['keyed', 'updateUser'],
    ['keyed', 'deleteUser'],
    ['flask', 'getUser'],
    ['flask', 'updateUser'],
    ['flask', 'deleteUser'],
    ['cookie', 'revokeApiKey'],
    ['gateway', 'verifyEmail'],
  ])('%s %s', async (name, id) => {
    const contract = contractOf(name);
    const send = rawSender(server.postern.port, contract);
    const operation = contract.operations.find((one) => one.id === id)!;
    const member = await flows[name].join(server.visitor(name));
    const flaws: string[] = [];
    // `1` percent-encoded is 1, the administrator's number.
    for (const odd of ODD.filter((one) => one !== '%31')) {
      const reply = await send({
        method: operation.method.toUpperCase(),
        path: encodeURI(pathOf(contract, operation, odd)).replaceAll('%25', '%'),
        headers: { ...credentials(operation, member), 'Content-Type': 'application/json' },
        ...(operation.body ? { body: '{}' } : {}),
      });
      const what = problemWith(contract, reply, [name === 'gateway' ? 400 : 404]);
      if (what !== null) flaws.push(`${odd}: ${what}`);
    }
    expect(flaws).toEqual([]);
  });
});

describe('the contract `keyed`', () => {
  it('refuses every invalid API key', async () => {
    const contract = contractOf('keyed');
    const send = rawSender(server.postern.port, contract);
    const { token } = await flows.keyed.join(server.visitor('keyed'));
    const expired = await createKey(server, { name: 'expired', expiresAt: new Date(Date.now() + 60_000) });
    await server.sql(`update api_keys set expires_at = now() where name = 'expired'`);
    const keys: Record<string, Record<string, string>> = {
      'no key': {},
      'an empty key': { 'X-API-Key': '' },
      'a wrong key': { 'X-API-Key': `ptn_${'x'.repeat(51)}` },
      'half a key': { 'X-API-Key': server.apiKey.slice(0, 30) },
      'a key and more': { 'X-API-Key': `${server.apiKey}x` },
      'two keys': { 'X-API-Key': `${server.apiKey}, ${server.apiKey}` },
      'its prefix': { 'X-API-Key': server.apiKey.slice(0, 12) },
      'a key that has expired': { 'X-API-Key': expired },
      'an access token': { 'X-API-Key': token, 'Authorization': `Bearer ${token}` },
      'a key as a token': { Authorization: `Bearer ${server.apiKey}` },
      'long': { 'X-API-Key': 'x'.repeat(8000) },
    };
    const flaws: string[] = [];
    for (const operation of contract.operations)
      for (const [title, headers] of Object.entries(keys)) {
        const reply = await send({
          method: operation.method.toUpperCase(),
          path: pathOf(contract, operation),
          headers,
        });
        const what = problemWith(contract, reply, [401]);
        if (what !== null) flaws.push(`${operation.id}, ${title}: ${what}`);
      }
    expect(flaws).toEqual([]);
  });
});

describe('the contract `gateway`', () => {
  it('says of every invalid token that it is not valid, and why', async () => {
    const visitor = server.visitor('gateway');
    for (const [title, token] of Object.entries(await forged.at('gateway'))) {
      const errorMessage = title === 'expired' ? 'Token has expired' : 'Invalid token';
      const body = {
        valid: false,
        userId: null,
        username: null,
        role: null,
        expirationTime: null,
        errorMessage,
      };
      await visitor.call('validate', { body: { token } }, { status: 200, body });
    }
  });
});

it('no bad input at the contracts causes a server error', () => {
  expect(server.postern.output()).not.toMatch(/"level":"(error|fatal)"|a contract door failed/);
});
