import { DomainError } from '../../../core/errors.ts';
import { appOf, sessionOf } from '../items.ts';
import { type ApiCall, operation } from '../operation.ts';
import * as schemas from './schemas.ts';

/** The apps that may act for the account. */
export const apps = [
  operation({
    id: 'getApps',
    method: 'get',
    path: '/me/apps',
    summary: 'List the apps that may act for the account, what each may do, and since when',
    scope: 'me:apps:read',
    replies: { 200: schemas.Apps },
    async handle({ user, services }) {
      const connected = await services.accountSessions.apps(user.id);
      const shown = connected.map(async (app) => {
        const client = await services.describeClient(app.clientId);
        return appOf(app, client);
      });
      return { status: 200, body: { apps: await Promise.all(shown) } };
    },
  }),
  operation({
    id: 'disconnectApp',
    method: 'delete',
    path: '/me/apps/{client_id}',
    params: schemas.clientId,
    summary: 'Revoke the access of an app; its tokens end at once',
    scope: 'me:apps:write',
    replies: { 204: null },
    refusals: [404],
    async handle({ user, params, actor, services }) {
      const clientId = params['client_id'] ?? '';
      if (!(await services.accountSessions.disconnect(user.id, clientId, actor)))
        throw new DomainError('not_found');
      return { status: 204 };
    },
  }),
];

/** The session that the token comes from, if it still exists. */
async function ownSession({ user, claims, services }: ApiCall<unknown, unknown>): Promise<string | null> {
  return claims.gid === undefined ? null : services.accountSessions.holderOf(user.id, claims.gid);
}

/** The browsers and devices where the account is signed in. */
export const sessions = [
  operation({
    id: 'getSessions',
    method: 'get',
    path: '/me/sessions',
    summary: 'List the browsers and devices where the account is signed in, latest sign-in first',
    scope: 'me:sessions:read',
    replies: { 200: schemas.Sessions },
    async handle(call) {
      const [list, current] = await Promise.all([
        call.services.accountSessions.list(call.user.id),
        ownSession(call),
      ]);
      const shown = list.map((session) => ({ ...sessionOf(session), current: session.uid === current }));
      return { status: 200, body: { sessions: shown } };
    },
  }),
  operation({
    id: 'endSession',
    method: 'delete',
    path: '/me/sessions/{id}',
    params: schemas.sessionId,
    summary: 'Sign out of one browser or device; the tokens that apps got through it end at once',
    scope: 'me:sessions:write',
    replies: { 204: null },
    refusals: [404],
    async handle({ user, params, actor, services }) {
      const ended = await services.accountSessions.end(user.id, params['id'] ?? '', actor);
      if (!ended) throw new DomainError('not_found');
      return { status: 204 };
    },
  }),
  operation({
    id: 'endOtherSessions',
    method: 'delete',
    path: '/me/sessions',
    summary: 'Sign out of all browsers and devices except the one that the token comes from',
    scope: 'me:sessions:write',
    replies: { 200: schemas.Ended },
    async handle(call) {
      const { user, actor, services } = call;
      const ended = await services.accountSessions.endOthers(user.id, await ownSession(call), actor);
      return { status: 200, body: { ended } };
    },
  }),
];
