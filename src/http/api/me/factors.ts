import type { z } from 'zod';
import type { Actor } from '../../../core/actor.ts';
import type { Mfa } from '../../../domain/mfa/index.ts';
import { type ApiOperation, operation } from '../operation.ts';
import { factorsOf, Passkey, passkeyOf, Totp, totpOf } from '../items.ts';
import * as schemas from './schemas.ts';

interface Kind<Record> {
  /** As the path and the operations' ids have it. */
  path: string;
  id: string;
  summary: string;
  schema: z.ZodType;
  present(record: Record): unknown;
  store(mfa: Mfa): {
    rename(accountId: string, id: string, name: string): Promise<Record>;
    remove(accountId: string, id: string, actor: Actor): Promise<void>;
  };
}

/** Renaming and removing, which is the same for every kind of factor. */
const changesOf = <Record>({ path, id, summary, schema, present, store }: Kind<Record>): ApiOperation[] => [
  operation({
    id: `rename${id}`,
    method: 'patch',
    path: `/me/factors/${path}/{id}`,
    params: schemas.factorId,
    summary: `Rename ${summary}`,
    scope: 'me:security:write',
    fresh: true,
    body: schemas.FactorName,
    replies: { 200: schema },
    refusals: [404],
    async handle({ user, params, body, services }) {
      const renamed = await store(services.mfa).rename(user.id, params['id'] ?? '', body.name);
      return { status: 200, body: present(renamed) };
    },
  }),
  operation({
    id: `remove${id}`,
    method: 'delete',
    path: `/me/factors/${path}/{id}`,
    params: schemas.factorId,
    summary: `Remove ${summary}; with the last factor recovery codes go too`,
    scope: 'me:security:write',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409],
    async handle({ user, params, actor, services }) {
      await store(services.mfa).remove(user.id, params['id'] ?? '', actor);
      return { status: 204 };
    },
  }),
];

/** Second factors as a whole, and what all kinds have. */
export const factors = [
  operation({
    id: 'getFactors',
    method: 'get',
    path: '/me/factors',
    summary: 'Authenticator apps, passkeys, and how many recovery codes are left',
    scope: 'me:security:read',
    replies: { 200: schemas.Factors },
    async handle({ user, services }) {
      const status = await services.mfa.status(user.id);
      return { status: 200, body: { ...factorsOf(status), required: status.required } };
    },
  }),
  ...changesOf({
    path: 'totp',
    id: 'Totp',
    summary: 'an authenticator app',
    schema: Totp,
    present: totpOf,
    store: ({ totp }) => totp,
  }),
  ...changesOf({
    path: 'passkeys',
    id: 'Passkey',
    summary: 'a passkey',
    schema: Passkey,
    present: passkeyOf,
    store: ({ passkeys }) => passkeys,
  }),
];
