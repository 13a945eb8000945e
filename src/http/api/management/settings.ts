import { z } from 'zod';
import { CHANGEABLE, changeableSchema, type SettingsInForce } from '../../../domain/operators/settings.ts';
import { managed, type OperatorCall } from '../operation.ts';
import { resource } from './presenters.ts';
import { listOf, moment, version } from './schemas.ts';

const Setting = z.strictObject({
  key: z.string().describe('As in `config/*.yaml`, or the name of a variable'),
  value: z.unknown().describe('null for a secret'),
  source: z.enum(['default', 'file', 'environment', 'database']),
  file: z.string().nullable().describe('The file of the configuration that has it'),
  secret: z.boolean(),
  is_set: z.boolean().describe('Whether there is a value'),
  changeable: z.boolean().describe('Whether it may be changed here'),
  restart_needed: z.boolean().describe('Whether a change takes a restart'),
});
const Settings = listOf(Setting).extend({ version });
const SettingChanges = z.strictObject(
  Object.fromEntries(
    CHANGEABLE.map((key) => [
      key,
      changeableSchema(key).nullable().optional().describe('null goes back to the configuration'),
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

/** The settings in force, and whether all is well. */
export const settings = [
  managed({
    id: 'listSettings',
    method: 'get',
    path: '/settings',
    summary: 'Every setting in force, and where it comes from',
    scope: 'settings:read',
    replies: { 200: Settings },
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'updateSettings',
    method: 'patch',
    path: '/settings',
    summary: 'Change settings that may be changed at run time, on all nodes at once',
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
    summary: 'What `postern doctor` finds, the worst first',
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
          findings: findings.map(({ todo = null, ...finding }) => ({ ...finding, fix: todo })),
        },
      };
    },
  }),
];
