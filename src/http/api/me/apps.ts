import { DomainError } from '../../../core/errors.ts';
import { operation } from '../operation.ts';
import { appOf } from '../items.ts';
import * as schemas from './schemas.ts';

/** The apps that may act for the account. */
export const apps = [
  operation({
    id: 'getApps',
    method: 'get',
    path: '/me/apps',
    summary: 'The apps that may act for the account, what each may do, and since when',
    scope: 'me:apps:read',
    replies: { 200: schemas.Apps },
    async handle({ user, services }) {
      const connected = await services.accountSessions.apps(user.id);
      const shown = connected.map(async (app) => {
        const client = await services.describeClient(app.clientId);
        return { ...appOf(app), name: client?.clientName ?? null };
      });
      return { status: 200, body: { apps: await Promise.all(shown) } };
    },
  }),
  operation({
    id: 'disconnectApp',
    method: 'delete',
    path: '/me/apps/{client_id}',
    params: schemas.clientId,
    summary: 'Take away all that an app holds; its tokens end at once',
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
