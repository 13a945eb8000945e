import { operation } from '../operation.ts';
import { belongingsOf, Data, eventOf } from '../items.ts';
import { profileOf } from '../profile.ts';
import * as schemas from './schemas.ts';

/** What is kept of the account: what happened to it, and all there is to take along. */
export const records = [
  operation({
    id: 'getEvents',
    method: 'get',
    path: '/me/events',
    summary: 'What happened to the account, newest first',
    scope: 'me:events:read',
    query: schemas.EventPage,
    replies: { 200: schemas.Events },
    async handle({ user, query: { limit, cursor }, services }) {
      const found = await services.history(user.id, { limit: limit + 1, after: cursor });
      const events = found.slice(0, limit);
      const next_cursor = found.length > limit ? (events.at(-1)?.id ?? null) : null;
      return { status: 200, body: { events: events.map(eventOf), next_cursor } };
    },
  }),
  operation({
    id: 'getData',
    method: 'get',
    path: '/me/data',
    summary: 'All data of the account, to take along',
    scope: 'me:data:read',
    replies: { 200: Data },
    async handle({ user, claims, services }) {
      const data = await services.accountData(user.id);
      const { account } = data;
      const shown = services.attributes.shown(account.attributes, 'person');
      const body = { account: profileOf(account, claims.sub, shown), ...belongingsOf(data) };
      return { status: 200, body };
    },
  }),
];
