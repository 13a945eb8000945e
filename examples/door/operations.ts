import { callingUser, logIn, operation, type Operation } from 'postern/door';
import { presentReader } from './presenters.ts';
import * as schemas from './schemas.ts';

export const NAME = 'library';

const open = operation({
  id: 'openSession',
  method: 'post',
  path: '/session',
  summary: 'Let a reader in.',
  auth: 'none',
  effect: 'login',
  limit: 'credentials',
  body: schemas.LoginRequest,
  replies: { 200: schemas.Session },
  refusals: [400, 401],
  async handle({ body: { email, pin: password }, actor, signal, services }) {
    const { user, tokens } = await logIn(services, NAME, { email, password }, { actor, signal });
    return {
      status: 200,
      body: { card: tokens.accessToken, reader: presentReader(user) },
      accountId: user.id,
    };
  },
});

const show = operation({
  id: 'showReader',
  method: 'get',
  path: '/session',
  summary: 'Show who has come.',
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 200: schemas.Reader },
  refusals: [401],
  async handle({ caller, services }) {
    return { status: 200, body: presentReader(await callingUser(services, caller)) };
  },
});

const close = operation({
  id: 'closeSession',
  method: 'delete',
  path: '/session',
  summary: 'See a reader out.',
  auth: 'bearer',
  limit: 'ordinary',
  replies: { 204: null },
  refusals: [401],
  async handle({ caller, actor, services }) {
    if (caller?.kind === 'user') await services.tokens.end(caller.claims, actor);
    return { status: 204 };
  },
});

export const operations: Operation[] = [open, show, close];
