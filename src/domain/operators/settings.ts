import { inTurn } from '../../core/in-turn.ts';
import { z } from 'zod';
import type { EffectiveSetting } from '../../config/index.ts';
import { settingSchema } from '../../config/provenance.ts';
import type { Announce } from '../../storage/postgres/notifications.ts';
import type { RuntimeSettingsStore, StoredSettings } from '../../storage/settings.ts';
import type { Stores } from '../../storage/stores.ts';
import {
  changesOf,
  checkVersion,
  type Expected,
  type Operator,
  refuse,
  requirePermission,
} from './operator.ts';

/** Settings that can change at run time. Read them at each use. */
export const CHANGEABLE = [
  'registration.open',
  'registration.verifyEmail',
  'clientRegistration.open',
  'clientRegistration.softwareStatements',
  'identityAssertions.issuers',
  'clientDocuments.enabled',
  'clientDocuments.allow',
  'clientDocuments.deny',
  'console.lifetime',
  'console.idle',
  'console.secondFactor',
  'impersonation.enabled',
  'impersonation.askFirst',
  'impersonation.notify',
  'mfa.requiredForRoles',
  'lockout.pair.attempts',
  'lockout.source.attempts',
  'lockout.account.attempts',
  'loginRequests.perClient',
  'loginRequests.perPerson',
  'contracts.gateway.revealUnknownEmail',
  'audit.retention',
  'log.level',
] as const;

export type ChangeableKey = (typeof CHANGEABLE)[number];

/** New values by key; null resets to the configuration. */
export type SettingChanges = Readonly<Record<string, unknown>>;

export interface SettingInForce extends Omit<EffectiveSetting, 'source'> {
  source: EffectiveSetting['source'] | 'database';
  /** Whether it may be changed while the server runs; others are read at start. */
  changeable: boolean;
}

export interface SettingsInForce {
  items: SettingInForce[];
  version: number;
}

export interface OperatorSettings {
  /** Loads what operators changed, in this process. */
  load(): Promise<void>;
  /** Every setting in force; no secret. @throws DomainError insufficient_scope. */
  list(operator: Operator): Promise<SettingsInForce>;
  /**
   * Changes settings on all nodes at once.
   * @throws DomainError insufficient_scope, precondition_failed, invalid_request for a key that cannot be changed like this or
   *   an invalid value.
   */
  update(operator: Operator, changes: SettingChanges, expected?: Expected): Promise<SettingsInForce>;
}

const isChangeable = (key: string): key is ChangeableKey => (CHANGEABLE as readonly string[]).includes(key);

/** The schema of a key's value: the configuration's, except that null resets to the configuration. */
export const changeableSchema = (key: ChangeableKey) => {
  const schema = settingSchema(key);
  return schema instanceof z.ZodNullable ? (schema.unwrap() as typeof schema) : schema;
};

/** Puts a value into the configuration. */
function put(config: object, key: string, value: unknown): void {
  const path = key.split('.');
  const last = path.pop() ?? '';
  const parent = path.reduce((part, name) => (part as Record<string, object>)[name] ?? {}, config);
  Object.assign(parent, { [last]: value });
}

export function createOperatorSettings({
  config,
  store,
  audit,
  inTransaction,
  announce,
}: Pick<Stores, 'audit' | 'inTransaction'> & {
  /** The values in force in this process: changed in place. */
  config: object & { effective: readonly EffectiveSetting[] };
  store: RuntimeSettingsStore;
  announce: Announce;
}): OperatorSettings {
  const base = new Map(config.effective.map((setting) => [setting.key, setting]));

  const listed = ({ settings, version }: StoredSettings): SettingsInForce => ({
    version,
    items: config.effective.map((setting) => {
      const changeable = isChangeable(setting.key);
      const isChanged = changeable && Object.hasOwn(settings, setting.key);
      return isChanged
        ? { ...setting, changeable, value: settings[setting.key], source: 'database', file: null }
        : { ...setting, changeable };
    }),
  });

  const apply = ({ settings }: StoredSettings): void => {
    for (const key of CHANGEABLE)
      put(config, key, Object.hasOwn(settings, key) ? settings[key] : base.get(key)?.value);
  };

  return {
    load: inTurn(async () => apply(await store.read())),
    async list(operator) {
      requirePermission(operator, 'settings:read');
      return listed(await store.read());
    },
    async update(operator, changes, expected) {
      requirePermission(operator, 'settings:write');
      const asked = Object.entries(changes).map(([key, value]): [string, unknown] => {
        if (!isChangeable(key))
          refuse(
            key,
            base.has(key) ? 'can only be changed in the configuration, with a restart' : 'no such setting',
          );
        if (value === null) return [key, null];
        const parsed = changeableSchema(key).safeParse(value);
        return parsed.success ? [key, parsed.data] : refuse(key, parsed.error.issues[0]?.message);
      });
      return inTransaction(async (tx) => {
        const before = await store.lock(tx);
        checkVersion(before, expected);
        const settings: Record<string, unknown> = { ...before.settings };
        for (const [key, value] of asked)
          if (value === null) delete settings[key];
          else settings[key] = value;
        const inForce = (of: Readonly<Record<string, unknown>>) =>
          Object.fromEntries(
            asked.map(([key]) => [key, Object.hasOwn(of, key) ? of[key] : base.get(key)?.value]),
          );
        const changed = changesOf<Record<string, unknown>>(inForce(before.settings), inForce(settings));
        const isSame = Object.keys(settings).length === Object.keys(before.settings).length;
        if (!changed && isSame) return listed(before);
        const after = await store.write(settings, tx);
        // Undoing the change unsets it, rather than writing the configuration's own value into the database.
        const unset = asked.map(([key]) => key).filter((key) => !Object.hasOwn(before.settings, key));
        const details = { ...changed, ...(changed && unset.length > 0 && { unset }) };
        await audit.record({ type: 'settings.updated', details }, operator.actor, tx);
        await announce(tx);
        return listed(after);
      });
    },
  };
}
