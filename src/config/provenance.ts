import path from 'node:path';
import { z } from 'zod';
import { environmentSchema, settingShape } from './schema.ts';

/** The source of a setting's value. */
export type SettingSource = 'default' | 'file' | 'environment';

/** A setting in force, as operators may see it. */
export interface EffectiveSetting {
  /** `registration.open`, or the name of a variable. */
  key: string;
  /** Null for a secret. */
  value: unknown;
  source: SettingSource;
  /** The file of the value; null for other sources. */
  file: string | null;
  /** Whether the value must not be shown. */
  secret: boolean;
  /** Whether a secret is set. */
  isSet: boolean;
}

/** The content of a configuration file. */
export interface SettingsFile {
  file: string;
  content: Record<string, unknown>;
}

const SECRETS = new Set([
  'metrics.token',
  'SECRETS_KEY',
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'REDIS_URL',
  'SMTP_URL',
  'ADMIN_PASSWORD',
]);

/** A name that is never a property of settings. */
const memberOf = (tree: unknown, key: string): unknown =>
  key
    .split('.')
    .reduce<unknown>(
      (part, name) =>
        typeof part === 'object' && part !== null && Object.hasOwn(part, name)
          ? (part as Record<string, unknown>)[name]
          : undefined,
      tree,
    );

/** Lists the keys of settings down to single values. */
function keysOf(shape: z.ZodObject, prefix = ''): string[] {
  return Object.entries<z.core.$ZodType>(shape.shape).flatMap(([name, inner]) =>
    inner instanceof z.ZodObject ? keysOf(inner, `${prefix}${name}.`) : `${prefix}${name}`,
  );
}

/** Every key allowed in `config/*.yaml`. */
export const SETTING_KEYS: readonly string[] = keysOf(settingShape);

/** The schema of a key. */
export const settingSchema = (key: string): z.ZodType =>
  key
    .split('.')
    .reduce<z.ZodType>((shape, name) => (shape as z.ZodObject).shape[name] as z.ZodType, settingShape);

/** Whether the value of a key is a duration, in seconds. */
export function isDuration(key: string): boolean {
  if (!SETTING_KEYS.includes(key)) return false;
  const schema = settingSchema(key);
  const inner = schema instanceof z.ZodNullable ? (schema.unwrap() as z.ZodType) : schema;
  return inner.meta()?.['unit'] === 'seconds';
}

/**
 * Lists every setting with its source.
 * @param config the settings in force @param files in order of precedence, defaults first @param named the variables
 * that are set
 */
export function effectiveSettings(
  config: object,
  files: readonly SettingsFile[],
  named: ReadonlySet<string>,
  variables: Record<string, unknown>,
): EffectiveSetting[] {
  const shown = (
    key: string,
    value: unknown,
    source: SettingSource,
    file: string | null,
  ): EffectiveSetting => {
    const secret = SECRETS.has(key);
    const isSet = value !== null && value !== undefined;
    return { key, value: secret ? null : (value ?? null), source, file, secret, isSet };
  };
  const settings = SETTING_KEYS.map((key) => {
    const value = memberOf(config, key);
    if (key === 'contracts.enabled' && named.has('CONTRACTS'))
      return shown(key, value, 'environment', 'CONTRACTS');
    const from = files.findLastIndex(({ content }) => memberOf(content, key) !== undefined);
    return from > 0
      ? shown(key, value, 'file', path.basename(files[from]!.file))
      : shown(key, value, 'default', null);
  });
  const environment = Object.keys(environmentSchema.shape).map((name) =>
    shown(name, variables[name], named.has(name) ? 'environment' : 'default', null),
  );
  return [...settings, ...environment];
}
