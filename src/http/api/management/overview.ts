import { z } from 'zod';
import { METRICS } from '../../../domain/operators/stats.ts';
import { text } from '../../endpoints/text.ts';
import { managed } from '../operation.ts';
import { digits } from '../lists.ts';
import { listOf } from './schemas.ts';

const Hit = z.strictObject({
  kind: z.enum(['user', 'client', 'api', 'group', 'role', 'upstream', 'audit_event']),
  id: z.string(),
  name: z.string().nullable(),
  detail: z.string().nullable().describe('An address; when an event was'),
});

const count = z.int().nullable().describe('null for what the caller may not see');
const Day = z.strictObject({
  day: z.iso.date().describe('In UTC'),
  ...Object.fromEntries(METRICS.map((metric) => [metric, count])),
});

/** What any operator sees, as far as they may. */
export const overview = [
  managed({
    id: 'search',
    method: 'get',
    path: '/search',
    summary:
      'Find whatever a text names: an exact id, number, address, client_id or request id; else five of each kind',
    scope: null,
    query: z.strictObject({
      q: text('Any part of a name, an id; nothing is found by nothing').max(200).default(''),
    }),
    replies: {
      200: listOf(Hit).extend({
        exact: Hit.nullable().describe('What the text names; null when it names nothing'),
      }),
    },
    async handle({ operator, query: { q }, services }) {
      const { exact, hits } = await services.search(operator, q.trim());
      return { status: 200, body: { exact, items: hits, next_cursor: null } };
    },
  }),
  managed({
    id: 'getStats',
    method: 'get',
    path: '/stats',
    summary: 'What happened on each day, the latest first; written every few seconds',
    scope: null,
    query: z.strictObject({
      days: z.preprocess(digits, z.int().min(1).max(400).default(30)).describe('How many, today among them'),
    }),
    replies: { 200: listOf(Day) },
    async handle({ operator, query: { days }, services }) {
      return { status: 200, body: { items: await services.stats.list(operator, days), next_cursor: null } };
    },
  }),
];
