import { operation } from '../operation.ts';
import { appOf, eventOf, factorsOf, identityOf, keyOf, sessionOf } from './presenters.ts';
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
    replies: { 200: schemas.Data },
    async handle({ user, claims, services }) {
      const data = await services.accountData(user.id);
      const { account, factors, sessions, apps, identities, apiKeys, events } = data;
      const body = {
        account: profileOf(account, claims.sub, services.attributes.shown(account.attributes, 'person')),
        factors: factorsOf(factors),
        sessions: sessions.map(sessionOf),
        apps: apps.map(appOf),
        identities: identities.map(identityOf),
        api_keys: apiKeys.map(keyOf),
        events: events.map(eventOf),
      };
      return { status: 200, body };
    },
  }),
];
