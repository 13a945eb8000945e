import { DomainError } from '../../../core/errors.ts';
import { type ApiCall, operation } from '../operation.ts';
import { sessionOf } from '../items.ts';
import * as schemas from './schemas.ts';

/** The browser or device that the token comes from, if that is signed in still. */
async function ownSession({ user, claims, services }: ApiCall<unknown, unknown>): Promise<string | null> {
  return claims.gid === undefined ? null : services.accountSessions.holderOf(user.id, claims.gid);
}

/** The browsers and devices that the account is signed in with. */
export const sessions = [
  operation({
    id: 'getSessions',
    method: 'get',
    path: '/me/sessions',
    summary: 'The browsers and devices that the account is signed in with, the latest sign-in first',
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
    summary: 'Sign one browser or device out: what apps hold because of it ends at once',
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
    summary: 'Sign all browsers and devices out but the one that the token comes from',
    scope: 'me:sessions:write',
    replies: { 200: schemas.Ended },
    async handle(call) {
      const { user, actor, services } = call;
      const ended = await services.accountSessions.endOthers(user.id, await ownSession(call), actor);
      return { status: 200, body: { ended } };
    },
  }),
];
