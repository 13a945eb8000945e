import { DomainError } from '../../../core/errors.ts';
import { operation } from '../operation.ts';
import { identityOf } from '../items.ts';
import * as schemas from './schemas.ts';

/** Identities at other providers. They are connected on the account pages: it takes the person's browser. */
export const identities = [
  operation({
    id: 'getIdentities',
    method: 'get',
    path: '/me/identities',
    summary: 'The identities at other providers that open the account',
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
    summary: 'Take an identity off the account, unless it is the last way in',
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
