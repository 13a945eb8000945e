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
    .describe('It signs; it is published and will; it only verifies what it signed'),
  age: z.int().describe('Seconds since it was made'),
  created_at: moment,
  activates_at: moment.describe('It signs from then on'),
  expires_at: moment.nullable().describe('It leaves the JWKS then; null while no other key is due'),
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
    summary: 'The signing keys in the JWKS, and what each does',
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
    summary: 'Publish the next key of each algorithm now; it signs after keys.lead, and nothing breaks',
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
    summary: 'End a key before its time: what it signed verifies no more',
    scope: 'keys:write',
    fresh: true,
    body: z
      .strictObject({
        force: z
          .boolean()
          .default(false)
          .describe('End it although tokens that it signed may live; the next key takes over at once'),
        reason: text('Kept in the audit').max(500).nullable().default(null),
      })
      .prefault({}),
    replies: {
      200: z.strictObject({
        kid: z.string(),
        alg: z.string(),
        breaks: z.string().nullable().describe('What stopped working'),
        breaks_until: moment.nullable().describe('Until then tokens of it might have lived'),
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
            'Access tokens and ID tokens that it signed verify no more; apps that keep a JWKS may refuse new ones until they read it again',
          breaks_until: breaksUntil?.toISOString() ?? null,
        },
      };
    },
  }),
];
