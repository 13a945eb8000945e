/** The service that Postern replaces, as its team wrote it: Express, one table, HS256 tokens, integer ids. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import express, { type Request, type Response } from 'express';
import { decodeJwt, SignJWT } from 'jose';
import { listenUntilEnd } from '../../support/listen.ts';
import { freePort } from '../../support/ports.ts';

export interface OldPerson {
  id: number;
  uuid: string;
  username: string;
  email: string;
  name: string;
  role: string;
  password: string;
  /** In Werkzeug's format. */
  hash: string;
}

/** The behaviour of the login endpoint. */
export type Behaviour =
  'well' | 'dead' | 'slow' | 'nonsense' | 'huge' | 'redirect' | 'error-inside' | 'another' | '500';

export interface OldService {
  url: string;
  behaviour: Behaviour;
  people: Map<string, OldPerson>;
  add(username: string, wish?: Partial<OldPerson>): OldPerson;
  /** The logins that were requested. */
  asked: string[];
}

export const SECRET = 'the old service signs with this, 32 bytes or more';

const CREATED = '2020-02-03T04:05:06';

export const werkzeug = (password: string, salt = randomBytes(6).toString('hex')): string =>
  `pbkdf2:sha256:1000$${salt}$${pbkdf2Sync(password, salt, 1000, 32, 'sha256').toString('hex')}`;

/** A token as the old service issues it. */
export const oldToken = (
  claims: Record<string, unknown>,
  secret = SECRET,
  expiresIn = '1h',
): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime(expiresIn)
    .sign(new TextEncoder().encode(secret));

export async function startOldService(): Promise<OldService> {
  const port = await freePort();
  const people = new Map<string, OldPerson>();
  let next = 4000;
  const service: OldService = {
    url: `http://127.0.0.1:${port}`,
    behaviour: 'well',
    people,
    asked: [],
    add(username, wish = {}) {
      do next += 1;
      while ([...people.values()].some(({ id }) => id === next));
      const id = wish.id ?? next;
      const password = wish.password ?? `pass of ${username}`;
      const person: OldPerson = {
        id,
        uuid: `5f0c6a52-6a6b-4a43-9d61-${String(id).padStart(12, '0')}`,
        username,
        email: `${username}@old.example.test`,
        name: `Name of ${username}`,
        role: 'USER',
        password,
        hash: werkzeug(password),
        ...wish,
      };
      people.set(username, person);
      return person;
    },
  };
  const find = (name: unknown) =>
    [...people.values()].find(({ username, email }) => name === username || name === email);
  const login = (request: Request) => {
    const { username, email, password } = (request.body ?? {}) as Record<string, unknown>;
    service.asked.push(String(username ?? email));
    const person = find(username ?? email);
    return person?.password === password ? person : undefined;
  };
  const caller = (request: Request) => {
    try {
      const { sub } = decodeJwt(String(request.get('authorization')).replace(/^Bearer /, ''));
      return [...people.values()].find(({ id, uuid }) => sub === String(id) || sub === uuid);
    } catch {
      return undefined;
    }
  };
  const refuse = (response: Response) => response.status(401).json({ error: 'invalid credentials' });
  const tokenOf = (id: number | string) => oldToken({ sub: String(id), iss: 'old' });

  const app = express();
  app.use(express.json());
  const at = (path: string, method: 'get' | 'post', answer: (who: OldPerson, request: Request) => unknown) =>
    app[method](path, async (request: Request, response: Response) => {
      if (request.path.startsWith('/keyed') && request.get('x-api-key') !== 'key-of-the-old-service')
        return response.status(403).json({ error: 'no key' });
      const person = method === 'post' ? login(request) : caller(request);
      return person ? response.json(await answer(person, request)) : refuse(response);
    });
  const timesOf = { createdAt: CREATED, lastLoginAt: CREATED };

  at('/gateway/api/v1/auth/login', 'post', async ({ id, username, role }) => ({
    accessToken: await tokenOf(id),
    refreshToken: 'opaque',
    tokenType: 'Bearer',
    expiresAt: CREATED,
    userId: id,
    username,
    role: `ROLE_${role}`,
  }));
  at('/gateway/api/v1/auth/profile', 'get', ({ id, username, email, role }) => ({
    id,
    username,
    email,
    role,
    ...timesOf,
    status: 'ACTIVE',
  }));
  const pplUser = ({ uuid, email, name }: OldPerson) => ({
    id: uuid,
    email,
    name,
    created_at: `${CREATED}Z`,
  });
  at('/ppl/api/v1/auth/login', 'post', async (who) => ({
    message: 'Login successful',
    user: pplUser(who),
    access_token: await tokenOf(who.uuid),
    refresh_token: 'opaque',
    token_type: 'bearer',
  }));
  at('/flask/api/v1/auth/login', 'post', async ({ id }) => ({ token: await tokenOf(id) }));
  at('/flask/api/v1/users/:id', 'get', ({ id, username, email }) => ({ id, username, email }));
  at('/keyed/api/v1/auth/login', 'post', async ({ uuid }) => ({ token: await tokenOf(uuid) }));
  at('/keyed/api/v1/users/:id', 'get', ({ uuid, username, email }) => ({
    id: uuid,
    username,
    email,
    created_at: `${CREATED}Z`,
  }));
  at('/cookie/auth/token', 'post', async ({ id }) => ({
    access_token: await tokenOf(id),
    token_type: 'bearer',
    refresh_token: null,
  }));
  at('/cookie/auth/me', 'get', ({ id, username, email, name, role }) => ({
    id,
    username,
    email,
    first_name: name,
    last_name: null,
    is_active: true,
    is_superuser: role === 'ADMIN',
  }));

  at('/ppl/api/v1/users/me', 'get', pplUser);
  const renewed = (path: string, shown: (request: Request) => unknown, field: string) =>
    app.post(path, async (request: Request, response: Response) => {
      const bearer = String(shown(request));
      const { sub = '' } = decodeJwt(bearer);
      return response.json({ [field]: await tokenOf(sub) });
    });
  renewed(
    '/gateway/api/v1/auth/refresh',
    ({ body }) => (body as Record<string, unknown>)['refreshToken'],
    'accessToken',
  );
  renewed(
    '/ppl/api/v1/auth/refresh',
    ({ body }) => (body as Record<string, unknown>)['refresh_token'],
    'access_token',
  );
  renewed(
    '/keyed/api/v1/auth/refresh',
    ({ body }) => (body as Record<string, unknown>)['refresh_token'],
    'token',
  );
  renewed('/cookie/auth/token/refresh', (request) => request.get('cookie')?.split('=')[1], 'access_token');

  app.get('/mapped/me', (request: Request, response: Response) => {
    const person = caller(request);
    service.asked.push('me');
    if (service.behaviour === 'dead') return request.socket.destroy();
    if (service.behaviour === 'another')
      return response.json({ id: 1, mail: 'another@old.example.test', login: 'another' });
    return person
      ? response.json({ id: person.id, mail: person.email, login: person.username })
      : refuse(response);
  });
  app.get('/mapped/exists', (request: Request, response: Response) => {
    if (service.behaviour === 'dead') return request.socket.destroy();
    return response.status(find(request.query['name']) ? 200 : 404).json({});
  });
  app.post('/mapped/login', (request: Request, response: Response) => {
    const { login: name, pass, kind } = request.body as Record<string, unknown>;
    service.asked.push(String(name));
    const person = find(name);
    const right = person?.password === pass && kind === 'user' ? person : undefined;
    const shown = (who: OldPerson) => ({
      user: { id: who.id, mail: who.email, login: who.username, name: who.name, roles: [who.role, 'editor'] },
    });
    switch (service.behaviour) {
      case 'well':
        return right ? response.json(shown(right)) : refuse(response);
      case 'dead':
        return request.socket.destroy();
      case 'slow':
        // No reply within any timeout.
        return undefined;
      case 'nonsense':
        return response.type('html').send('<h1>It works</h1>');
      case 'huge':
        return response.json({ ...(right && shown(right)), padding: 'x'.repeat(5_000_000) });
      case 'redirect':
        return response.redirect(307, `${service.url}/mapped/elsewhere`);
      case 'error-inside':
        return response.json({ ok: false, error: 'wrong password', user: null });
      case 'another':
        return response.json(shown([...people.values()].find((who) => who !== person)!));
      default:
        return response.status(500).json({ error: 'boom' });
    }
  });
  await listenUntilEnd(createServer(app), port, '127.0.0.1');
  return service;
}
