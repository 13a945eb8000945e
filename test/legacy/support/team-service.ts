/**
 * The service of a team that moves to Postern: Express, a PostgreSQL table, Werkzeug hashes, HS256 tokens,
 * integer ids.
 */
import { pbkdf2, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import express, { type Request, type Response } from 'express';
import { jwtVerify, SignJWT } from 'jose';
import { Pool } from 'pg';
import { listenUntilEnd } from '../../support/listen.ts';
import { freePort } from '../../support/ports.ts';
import { SECRET, werkzeug } from './old-service.ts';

const secret = new TextEncoder().encode(SECRET);
const derive = promisify(pbkdf2);

interface Row {
  id: number;
  login: string;
  mail: string;
  pw: string;
  created: Date;
}

/** The table's row for the person of this index, and the `password` that they type. */
export const personOf = (index: number) => ({
  id: 5000 + index,
  login: `person${index}`,
  mail: `person${index}@team.example.test`,
  password: `pass of ${index}`,
});

async function matches(password: string, stored: string): Promise<boolean> {
  const [method = '', salt = '', hash = ''] = stored.split('$');
  const derived = await derive(password, salt, Number(method.split(':')[2]), 32, 'sha256');
  return timingSafeEqual(derived, Buffer.from(hash, 'hex'));
}

const local = (at: Date) => at.toISOString().slice(0, 19);

/** @param databaseUrl an empty database. */
export async function startTeamService(databaseUrl: string, accounts: number) {
  const pool = new Pool({ connectionString: databaseUrl, max: 8 });
  pool.on('error', () => undefined);
  await pool.query(
    'create table people (id int primary key, login text unique, mail text unique, pw text, created timestamptz)',
  );
  const rows = Array.from({ length: accounts }, (_, index) => personOf(index));
  await pool.query(
    `insert into people select *, '2020-02-03T04:05:06Z' from unnest($1::int[], $2::text[], $3::text[], $4::text[])`,
    [
      rows.map(({ id }) => id),
      rows.map(({ login }) => login),
      rows.map(({ mail }) => mail),
      rows.map(({ password }) => werkzeug(password)),
    ],
  );
  const find = async (column: 'id' | 'login', value: unknown) =>
    (await pool.query<Row>(`select * from people where ${column} = $1`, [value])).rows[0];

  const tokenOf = (id: number, type: string, expiresIn: string) =>
    new SignJWT({ type })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setSubject(String(id))
      .setIssuer('team')
      .setIssuedAt()
      .setExpirationTime(expiresIn)
      .sign(secret);
  const ownerOf = async (token: unknown, type: string) => {
    try {
      const { payload } = await jwtVerify(String(token), secret, { issuer: 'team', algorithms: ['HS256'] });
      return payload['type'] === type ? { row: await find('id', payload.sub), exp: payload.exp } : undefined;
    } catch {
      return undefined;
    }
  };
  const signedIn = async ({ id, login }: Row) => ({
    accessToken: await tokenOf(id, 'access', '1h'),
    refreshToken: await tokenOf(id, 'refresh', '30d'),
    tokenType: 'Bearer',
    expiresAt: local(new Date(Date.now() + 3_600_000)),
    userId: id,
    username: login,
    role: 'ROLE_USER',
  });
  const refuse = (response: Response, message: string) =>
    response
      .status(401)
      .set('WWW-Authenticate', 'Bearer')
      .json({ timestamp: `${local(new Date())}Z`, status: 401, message });

  const routes = express.Router();
  const post = (
    path: string,
    answer: (body: Record<string, unknown>, response: Response) => Promise<unknown>,
  ) => routes.post(path, (request: Request, response: Response) => answer(request.body as never, response));
  post('/login', async ({ username, password }, response) => {
    const row = await find('login', username);
    const isRight = row && (await matches(String(password), row.pw));
    return isRight ? response.json(await signedIn(row)) : refuse(response, 'Invalid credentials');
  });
  post('/refresh', async ({ refreshToken }, response) => {
    const row = (await ownerOf(refreshToken, 'refresh'))?.row;
    return row ? response.json(await signedIn(row)) : refuse(response, 'Invalid or missing token');
  });
  post('/validate', async ({ token }, response) => {
    const { row, exp = null } = (await ownerOf(token, 'access')) ?? {};
    return response.json({
      valid: row !== undefined,
      userId: row?.id ?? null,
      username: row?.login ?? null,
      role: row ? 'ROLE_USER' : null,
      expirationTime: exp,
      errorMessage: row ? null : 'Invalid token',
    });
  });
  routes.get('/profile', async (request: Request, response: Response) => {
    const row = (await ownerOf(request.get('authorization')?.replace(/^Bearer /, ''), 'access'))?.row;
    if (!row) return refuse(response, 'Invalid or missing token');
    const times = { createdAt: local(row.created), lastLoginAt: local(new Date()) };
    return response.json({
      id: row.id,
      username: row.login,
      email: row.mail,
      role: 'USER',
      ...times,
      status: 'ACTIVE',
    });
  });

  const app = express();
  app.use(express.json());
  app.use('/api/v1/auth', routes);
  const server = createServer(app);
  const port = await freePort();
  await listenUntilEnd(server, port, '127.0.0.1');
  return {
    url: `http://127.0.0.1:${port}`,
    /** Stops it together with its database. */
    async stop() {
      server.closeAllConnections();
      server.removeAllListeners('request');
      await pool.end();
    },
  };
}
