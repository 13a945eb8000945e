import { z } from 'zod';
import { CONFIRMABLE, FIRST_STEPS, type Setup } from '../../../domain/operators/overview.ts';
import { CHANGEABLE, changeableSchema, type SettingsInForce } from '../../../domain/operators/settings.ts';
import { METRICS } from '../../../domain/operators/stats.ts';
import { text } from '../../endpoints/text.ts';
import { digits } from '../lists.ts';
import { managed, type OperatorCall } from '../operation.ts';
import { resource } from './presenters.ts';
import * as schemas from './schemas.ts';
import { listOf, moment, version } from './schemas.ts';

const Setting = z.strictObject({
  key: z.string().describe('The name in `config/*.yaml`, or of an environment variable'),
  value: z.unknown().describe('null for a secret'),
  source: z.enum(['default', 'file', 'environment', 'database']),
  file: z.string().nullable().describe('The configuration file that sets it'),
  secret: z.boolean(),
  is_set: z.boolean().describe('Whether it has a value'),
  changeable: z.boolean().describe('Whether it can be changed here'),
  restart_needed: z.boolean().describe('Whether a change needs a restart'),
});
const Settings = listOf(Setting).extend({ version });
const SettingChanges = z.strictObject(
  Object.fromEntries(
    CHANGEABLE.map((key) => [
      key,
      changeableSchema(key).nullable().optional().describe('null restores the value of the configuration'),
    ]),
  ),
);

const settingsOf = ({ items, version: current }: SettingsInForce): z.infer<typeof Settings> => ({
  items: items.map(({ isSet, changeable, ...setting }) => ({
    ...setting,
    is_set: isSet,
    changeable,
    restart_needed: !changeable,
  })),
  next_cursor: null,
  version: current,
});

const asItIs = async ({ operator, services }: OperatorCall<unknown, unknown>) =>
  settingsOf(await services.settings.list(operator));

/** The settings in force, and the health checks. */
export const settings = [
  managed({
    id: 'listSettings',
    method: 'get',
    path: '/settings',
    summary: 'List all settings in force, and where each comes from',
    scope: 'settings:read',
    replies: { 200: Settings },
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'updateSettings',
    method: 'patch',
    path: '/settings',
    summary: 'Change settings at run time, on all nodes at once',
    scope: 'settings:write',
    fresh: true,
    body: SettingChanges,
    replies: { 200: Settings },
    refusals: [412],
    async handle({ operator, body, expected, services }) {
      return resource(200, settingsOf(await services.settings.update(operator, body, expected)));
    },
    current: asItIs,
  }),
  managed({
    id: 'getHealth',
    method: 'get',
    path: '/health',
    summary: 'Get the findings of `postern doctor`, worst first',
    scope: 'settings:read',
    replies: {
      200: z.strictObject({
        status: z.enum(['ok', 'warning', 'problem']),
        checked_at: moment.describe('At most ten seconds ago'),
        findings: z.array(
          z.strictObject({
            name: z.string(),
            status: z.enum(['ok', 'warning', 'problem']),
            message: z.string(),
            fix: z.string().nullable().describe('What to do'),
          }),
        ),
      }),
    },
    async handle({ operator, services }) {
      const { status, checkedAt, findings } = await services.health(operator);
      return {
        status: 200,
        body: {
          status,
          checked_at: checkedAt.toISOString(),
          findings: findings.map(({ todo = null, sentences: _sentences, ...finding }) => ({
            ...finding,
            fix: todo,
          })),
        },
      };
    },
  }),
];

const schemaAsItIs = ({ operator, services }: OperatorCall<unknown, unknown>) =>
  services.attributes.find(operator);

/** The attributes of accounts, beyond the profile. */
export const attributes = [
  managed({
    id: 'getAttributes',
    method: 'get',
    path: '/attributes',
    summary: 'Get the JSON Schema of account attributes',
    scope: 'settings:read',
    replies: { 200: schemas.AttributeDefinition },
    handle: async (call) => resource(200, await schemaAsItIs(call)),
  }),
  managed({
    id: 'setAttributes',
    method: 'put',
    path: '/attributes',
    summary: 'Replace the schema; accounts keep their values, but apps do not get those that no longer fit',
    scope: 'settings:write',
    fresh: true,
    body: schemas.AttributeDefinitionChange,
    replies: { 200: schemas.AttributeDefinition },
    refusals: [409, 412],
    async handle({ operator, body, expected, services }) {
      return resource(200, await services.attributes.update(operator, body.schema, expected));
    },
    current: schemaAsItIs,
  }),
];

const Hit = z.strictObject({
  kind: z.enum(['user', 'client', 'api', 'group', 'role', 'upstream', 'audit_event']),
  id: z.string(),
  name: z.string().nullable(),
  detail: z.string().nullable().describe('An address, or the time of an event'),
});

const count = z.int().nullable().describe('null if the caller may not see it');
const Day = z.strictObject({
  day: z.iso.date().describe('In UTC'),
  ...Object.fromEntries(METRICS.map((metric) => [metric, count])),
});

const SetupState = z.strictObject({
  steps: z.array(
    z.strictObject({
      step: z.enum(FIRST_STEPS),
      done: z.boolean(),
      confirmable: z
        .boolean()
        .describe('Whether an operator must confirm it, because Postern cannot check it by itself'),
    }),
  ),
  hidden: z.boolean().describe('Whether the console hides the list'),
});

const setupOf = ({ steps, hidden }: Setup) => ({ status: 200, body: { steps, hidden } }) as const;

/** The first steps of a new service. */
export const setup = [
  managed({
    id: 'getSetup',
    method: 'get',
    path: '/setup',
    summary: 'List the first steps of an owner, and which are done',
    scope: 'settings:read',
    replies: { 200: SetupState },
    handle: async ({ operator, services }) => setupOf(await services.overview.setup(operator)),
  }),
  managed({
    id: 'setSetup',
    method: 'put',
    path: '/setup',
    summary: 'Confirm first steps, or hide the list; each change is recorded in the audit',
    scope: 'settings:write',
    body: z.strictObject({
      confirmed: z
        .array(z.enum(CONFIRMABLE))
        .max(CONFIRMABLE.length)
        .optional()
        .describe('All confirmed steps; omitted ones are no longer confirmed. Without it nothing changes'),
      hidden: z.boolean().optional().describe('Without it nothing changes'),
    }),
    replies: { 200: SetupState },
    handle: async ({ operator, body, services }) => setupOf(await services.overview.setUp(operator, body)),
  }),
];

/** The overview for any operator, limited by their permissions. */
export const overview = [
  managed({
    id: 'search',
    method: 'get',
    path: '/search',
    summary:
      'Search: an exact id, number, address, client_id or request id, otherwise up to five of each kind',
    scope: null,
    query: z.strictObject({
      q: text('Part of a name, or an id; an empty text finds nothing').max(200).default(''),
    }),
    replies: {
      200: listOf(Hit).extend({
        exact: Hit.nullable().describe('The exact match; null if there is none'),
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
    summary: 'Get daily numbers, latest first; updated every few seconds',
    scope: null,
    query: z.strictObject({
      days: z
        .preprocess(digits, z.int().min(1).max(400).default(30))
        .describe('Number of days, including today'),
    }),
    replies: { 200: listOf(Day) },
    async handle({ operator, query: { days }, services }) {
      return { status: 200, body: { items: await services.stats.list(operator, days), next_cursor: null } };
    },
  }),
];
