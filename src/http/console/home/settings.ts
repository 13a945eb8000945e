import { z } from 'zod';
import { isDuration } from '../../../config/provenance.ts';
import { DomainError, isDomainError } from '../../../core/errors.ts';
import {
  CHANGEABLE,
  type ChangeableKey,
  changeableSchema,
  type SettingInForce,
} from '../../../domain/operators/settings.ts';
import { dictionaries, type MessageKey } from '../../pages/i18n.ts';
import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';

/** Formats a value for a field; lists with one entry per line. */
const written = (value: unknown): string => {
  if (Array.isArray(value)) return value.join('\n');
  return typeof value === 'string' ? value : JSON.stringify(value);
};

/** What a setting does, in a sentence. A test requires one for each. */
const meaningOf = (key: string): MessageKey => `console.setting.${key}` as MessageKey;

/** The type of a setting's control: checkbox, choice, list or number. */
function kindOf(key: ChangeableKey): {
  kind: 'boolean' | 'number' | 'list' | 'word';
  words: readonly string[];
} {
  const schema = changeableSchema(key);
  if (schema instanceof z.ZodBoolean) return { kind: 'boolean', words: ['true', 'false'] };
  if (schema instanceof z.ZodEnum) return { kind: 'word', words: schema.options.map(String) };
  return { kind: schema instanceof z.ZodArray ? 'list' : 'number', words: [] };
}

/** Parses a posted value; an empty one restores the configuration's. */
function parsed(key: ChangeableKey, typed: string): unknown {
  if (typed === '') return null;
  switch (kindOf(key).kind) {
    case 'boolean':
      return typed === 'true';
    case 'number':
      return Number(typed);
    case 'list':
      return typed.split(/[\s,]+/).filter(Boolean);
    default:
      return typed;
  }
}

const isKey = (key: string): key is ChangeableKey => (CHANGEABLE as readonly string[]).includes(key);

/** The setting of a page, with the version of all settings. @throws DomainError not_found. */
async function find(
  call: ConsoleCall,
): Promise<{ key: ChangeableKey; setting: SettingInForce; version: number }> {
  const key = call.param('key');
  const { items, version } = await call.services.settings.list(call.operator);
  const setting = items.find((item) => item.key === key);
  if (!setting || !isKey(key)) throw new DomainError('not_found');
  return { key, setting, version };
}

/** Every setting in force, by the first part of its name. */
async function showAll(call: ConsoleCall): Promise<void> {
  const { items } = await call.services.settings.list(call.operator);
  const q = call.parameter('search').toLowerCase();
  const sentences = dictionaries[call.language];
  const shown = items
    .filter(({ key }) => `${key} ${sentences[meaningOf(key)]}`.toLowerCase().includes(q))
    .map((setting) => ({
      ...setting,
      meaning: meaningOf(setting.key),
      written: setting.value === null ? null : written(setting.value),
      seconds: isDuration(setting.key) ? setting.value : null,
    }));
  const [changeable, others] = [true, false].map((one) =>
    shown.filter((setting) => setting.changeable === one),
  );
  const groups = Map.groupBy(others ?? [], ({ key }) => (key.includes('.') ? (key.split('.')[0] ?? '') : ''));
  call.show('settings', {
    q,
    changeable,
    groups: [...groups].map(([name, settings]) => ({ name, settings })),
  });
}

async function showOne(call: ConsoleCall): Promise<void> {
  const { key, setting, version } = await find(call);
  const isOwn = setting.source === 'database';
  call.show('setting', {
    key,
    version,
    isOwn,
    meaning: meaningOf(key),
    isDuration: isDuration(key),
    ...kindOf(key),
    value: setting.value === null ? '' : written(setting.value),
    example: setting.value,
  });
}

/** Settings in force with their source, and changes of those that are changeable at run time. */
export function settingsRoutes({ page, form }: Room): void {
  page('/settings', { section: 'settings' }, showAll);
  page('/settings/:key', { section: 'settings', permission: 'settings:write', fresh: true }, showOne);
  form(
    '/settings/:key',
    {
      section: 'settings',
      permission: 'settings:write',
      fresh: true,
      trail: () => ({ type: ['settings.updated'] }),
    },
    showOne,
    async (call) => {
      const { key, setting } = await find(call);
      const value = call.field('reset') === 'yes' ? null : parsed(key, call.field('value'));
      const { version } = await call.services.settings
        .update(call.operator, { [key]: value }, call.expected)
        .catch((error: unknown) => {
          // The form's field has a fixed name.
          if (!isDomainError(error, 'invalid_request')) throw error;
          throw new DomainError(error.code, { ...error.details, field: 'value' });
        });
      const before = setting.source === 'database' ? written(setting.value) : '';
      call.done(
        '/admin/settings',
        { key: 'console.settings.saved', params: { setting: key } },
        { action: `/admin/settings/${key}`, fields: { value: before, version: String(version) } },
      );
    },
  );
}
