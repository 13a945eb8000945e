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
  return { json: toJson(all), text: table(['setting', 'value', 'from', 'a change takes'], rows) };
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
    throw new UsageError(`${key}: ${error.details.reason ?? 'cannot be that'}`);
  }
}

export function addSetting(program: Command): void {
  const setting = program
    .command('setting')
    .description('settings in force: list, and change those that need no restart');
  reporting(
    setting.command('list').description('list them, with where each comes from; secrets never'),
    list,
  );
  reporting(
    setting
      .command('set')
      .description('change one on all nodes at once, over what the configuration says')
      .argument('<key>', 'as config/default.yaml has it, like registration.open')
      .argument('<value>', 'as JSON'),
    (key: string, value: string) => change({ [key]: parse(value) }, `${key} is ${value} on all nodes.`),
  );
  reporting(
    setting
      .command('unset')
      .description('go back to what the configuration says')
      .argument('<key>', 'as config/default.yaml has it'),
    (key: string) => change({ [key]: null }, `${key} is as the configuration has it.`),
  );
}
