import { z } from 'zod';
import type { KeyState } from '../../../oidc/key-ring.ts';
import { text } from '../../endpoints/text.ts';
import { managed } from '../operation.ts';
import { listOf, moment } from './schemas.ts';

const STATES = { published: 'next', signing: 'active', retiring: 'retiring' } as const;

const Key = z.strictObject({
  kid: z.string(),
  alg: z.string(),
  state: z
    .enum(['active', 'next', 'retiring'])
    .describe(
      '`active`: it signs; `next`: published, it will sign; `retiring`: it only verifies what it signed',
    ),
  age: z.int().describe('Seconds since it was created'),
  created_at: moment,
  activates_at: moment.describe('When it starts to sign'),
  expires_at: moment.nullable().describe('When it leaves the JWKS; null while no other key replaces it'),
});

const keyOf = (key: KeyState, now: number): z.infer<typeof Key> => ({
  kid: key.kid,
  alg: key.alg,
  state: STATES[key.state],
  age: Math.max(0, Math.floor((now - key.createdAt.getTime()) / 1000)),
  created_at: key.createdAt.toISOString(),
  activates_at: key.activatesAt.toISOString(),
  expires_at: key.expiresAt?.toISOString() ?? null,
});

/** The keys that sign tokens. */
export const keys = [
  managed({
    id: 'listKeys',
    method: 'get',
    path: '/keys',
    summary: 'List the signing keys in the JWKS, with their state',
    scope: 'keys:read',
    replies: { 200: listOf(Key) },
    async handle({ operator, services: { keys: admin, clock } }) {
      const all = await admin.list(operator);
      return { status: 200, body: { items: all.map((key) => keyOf(key, clock.now())), next_cursor: null } };
    },
  }),
  managed({
    id: 'rotateKeys',
    method: 'post',
    path: '/keys/rotate',
    summary: 'Publish the next key of each algorithm; it signs after keys.lead, and nothing breaks',
    scope: 'keys:write',
    fresh: true,
    replies: { 200: listOf(Key) },
    async handle({ operator, services: { keys: admin, clock } }) {
      const made = new Set((await admin.rotate(operator)).map(({ kid }) => kid));
      const all = (await admin.list(operator)).filter(({ kid }) => made.has(kid));
      return { status: 200, body: { items: all.map((key) => keyOf(key, clock.now())), next_cursor: null } };
    },
  }),
  managed({
    id: 'retireKey',
    method: 'post',
    path: '/keys/{kid}/retire',
    params: { kid: text('The id of the key') },
    summary: 'Retire a key early; what it signed no longer verifies',
    scope: 'keys:write',
    fresh: true,
    body: z
      .strictObject({
        force: z
          .boolean()
          .default(false)
          .describe(
            'Retire it even if tokens that it signed are still valid; the next key takes over at once',
          ),
        reason: text('Kept in the audit').max(500).nullable().default(null),
      })
      .prefault({}),
    replies: {
      200: z.strictObject({
        kid: z.string(),
        alg: z.string(),
        breaks: z.string().nullable().describe('What stopped working'),
        breaks_until: moment.nullable().describe('Until when its tokens might have been valid'),
      }),
    },
    refusals: [404, 409],
    async handle({ operator, params, body, services }) {
      const { key, breaksUntil } = await services.keys.retire(operator, params['kid'] ?? '', body);
      return {
        status: 200,
        body: {
          kid: key.kid,
          alg: key.alg,
          breaks:
            breaksUntil &&
            'Access tokens and ID tokens that it signed no longer verify; apps that cache the JWKS may refuse new ones until they fetch it again',
          breaks_until: breaksUntil?.toISOString() ?? null,
        },
      };
    },
  }),
];
