import type { Command } from 'commander';
import { isDomainError } from '../../core/errors.ts';
import type { OperatorSettings, SettingChanges, SettingsInForce } from '../../domain/operators/settings.ts';
import { UsageError } from '../failure.ts';
import { manager } from '../operator.ts';
import { type Report, reporting, table } from '../report.ts';

const settingsOf = async <T>(work: (settings: OperatorSettings) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ settings }) => work(settings));
};

const toJson = ({ items, version }: SettingsInForce) => ({
  settings: items.map(({ isSet, changeable, ...setting }) => ({
    ...setting,
    is_set: isSet,
    changeable,
    restart_needed: !changeable,
  })),
  version,
});

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

async function list(): Promise<Report> {
  const all = await settingsOf((settings) => settings.list(manager()));
  const rows = all.items.map(({ key, value, secret, isSet, source, file, changeable }) => [
    key,
    secret ? (isSet ? '(set)' : '(not set)') : textOf(value),
    file ?? source,
    changeable ? '' : 'restart',
  ]);
  return { json: toJson(all), text: table(['setting', 'value', 'from', 'change needs'], rows) };
}

/** Parses a value as JSON; falls back to plain text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

async function change(changes: SettingChanges, text: string): Promise<Report> {
  const [key] = Object.keys(changes);
  try {
    const { items } = await settingsOf((settings) => settings.update(manager(), changes));
    const found = items.find((setting) => setting.key === key);
    return { json: { key, value: found?.value, source: found?.source }, text };
  } catch (error) {
    if (!isDomainError(error, 'invalid_request')) throw error;
    throw new UsageError(`${key}: ${error.details.reason ?? 'is invalid'}`);
  }
}

export function addSetting(program: Command): void {
  const setting = program
    .command('setting')
    .description('list the settings in force, and change those that need no restart');
  reporting(
    setting.command('list').description('list the settings and where each comes from; secrets are not shown'),
    list,
  );
  reporting(
    setting
      .command('set')
      .description('change a setting on all nodes at once, overriding the configuration')
      .argument('<key>', 'name as in config/default.yaml, like registration.open')
      .argument('<value>', 'value as JSON'),
    (key: string, value: string) => change({ [key]: parse(value) }, `${key} is ${value} on all nodes.`),
  );
  reporting(
    setting
      .command('unset')
      .description('restore the value of the configuration')
      .argument('<key>', 'name as in config/default.yaml'),
    (key: string) => change({ [key]: null }, `${key} has the value of the configuration again.`),
  );
}
