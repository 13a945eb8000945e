import type { Command } from 'commander';
import type { Container } from '../../container.ts';
import { operator } from '../operator.ts';
import { type Report, reporting, table } from '../report.ts';

type KeyRing = Container['keyRing'];
type Key = Awaited<ReturnType<KeyRing['list']>>[number];

const keysOf = async <T>(work: (keyRing: KeyRing) => Promise<T>, provider: boolean): Promise<T> => {
  const { withContainer } = await import('../session.ts');
  return withContainer(({ keyRing }) => work(keyRing), { provider });
};

const toJson = (key: Omit<Key, 'state'>) => ({
  kid: key.kid,
  alg: key.alg,
  created_at: key.createdAt.toISOString(),
  activates_at: key.activatesAt.toISOString(),
  expires_at: key.expiresAt?.toISOString() ?? null,
});

async function list(): Promise<Report> {
  const keys = await keysOf((keyRing) => keyRing.list(), false);
  const rows = keys.map((key) => [
    key.kid,
    key.alg,
    key.state,
    key.activatesAt.toISOString(),
    key.expiresAt?.toISOString() ?? '-',
  ]);
  return {
    json: { keys: keys.map((key) => ({ ...toJson(key), state: key.state })) },
    text: table(['kid', 'alg', 'state', 'signs from', 'leaves the JWKS'], rows),
  };
}

async function rotate(): Promise<Report> {
  // The provider is started, by which the keys there are have been opened: new ones are never sealed under a wrong
  // SECRETS_KEY.
  const keys = await keysOf((keyRing) => keyRing.rotate(operator()), true);
  const from = keys[0]?.activatesAt.toISOString();
  return {
    json: { keys: keys.map(toJson) },
    text: `Published ${keys.map((key) => `${key.kid} (${key.alg})`).join(', ')}; signing from ${from}.`,
  };
}

export function addKey(program: Command): void {
  const key = program.command('key').description('signing keys: list, rotate');
  reporting(key.command('list').description('list the keys in the JWKS and what each does'), list);
  reporting(
    key
      .command('rotate')
      .description('make the next keys: published now, signing after keys.lead; nothing has to be restarted'),
    rotate,
  );
}
