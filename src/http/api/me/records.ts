import { DomainError } from '../../../core/errors.ts';
import { belongingsOf, Data, eventOf, identityOf, keyOf } from '../items.ts';
import { operation } from '../operation.ts';
import { profileOf } from '../profile.ts';
import * as schemas from './schemas.ts';

/** The account's records: its events, and its data export. */
export const records = [
  operation({
    id: 'getEvents',
    method: 'get',
    path: '/me/events',
    summary: 'List the events of the account, newest first',
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
    summary: 'Export all data of the account',
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

/** The account's own API keys. Create them at the contract that accepts them. */
export const apiKeys = [
  operation({
    id: 'getApiKeys',
    method: 'get',
    path: '/me/api-keys',
    summary: 'List the API keys that act for the account, newest first',
    scope: 'me:apps:read',
    replies: { 200: schemas.ApiKeys },
    async handle({ user, services }) {
      const keys = await services.apiKeys.list(user.id);
      return { status: 200, body: { api_keys: keys.map(keyOf) } };
    },
  }),
  operation({
    id: 'revokeApiKey',
    method: 'delete',
    path: '/me/api-keys/{id}',
    params: schemas.apiKeyId,
    summary: 'Revoke an API key; it ends at once',
    scope: 'me:apps:write',
    replies: { 204: null },
    refusals: [404],
    async handle({ user, params, actor, services }) {
      await services.apiKeys.revoke(params['id'] ?? '', user.id, actor);
      return { status: 204 };
    },
  }),
];

/** Identities at other providers. Connect them on the account pages: that needs the person's browser. */
export const identities = [
  operation({
    id: 'getIdentities',
    method: 'get',
    path: '/me/identities',
    summary: 'List the identities at other providers that are linked to the account',
    scope: 'me:security:read',
    replies: { 200: schemas.Identities },
    async handle({ user, services }) {
      const linked = await services.identities.identitiesOf(user.id);
      return { status: 200, body: { identities: linked.map(identityOf) } };
    },
  }),
  operation({
    id: 'disconnectIdentity',
    method: 'delete',
    path: '/me/identities/{id}',
    params: schemas.identityId,
    summary: 'Unlink an identity, unless it is the last way to sign in',
    scope: 'me:security:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409],
    async handle({ user, params, actor, services }) {
      if (!(await services.identities.unlink(user.id, params['id'] ?? '', actor)))
        throw new DomainError('not_found');
      return { status: 204 };
    },
  }),
];
