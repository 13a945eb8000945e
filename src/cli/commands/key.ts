import type { Command } from 'commander';
import { systemActor } from '../../core/actor.ts';
import type { KeyRing } from '../../oidc/key-ring.ts';
import { operator } from '../operator.ts';
import { type Report, reporting, table } from '../report.ts';

type Key = Awaited<ReturnType<KeyRing['list']>>[number];

const keysOf = async <T>(work: (keyRing: KeyRing) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ keyRing }) => work(keyRing));
};

const toJson = (key: Omit<Key, 'state'>) => ({
  kid: key.kid,
  alg: key.alg,
  created_at: key.createdAt.toISOString(),
  activates_at: key.activatesAt.toISOString(),
  expires_at: key.expiresAt?.toISOString() ?? null,
});

async function list(): Promise<Report> {
  const keys = await keysOf((keyRing) => keyRing.list());
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
  const keys = await keysOf(async (keyRing) => {
    await keyRing.maintain(systemActor);
    // Open those there are first: new ones are never sealed under a wrong SECRETS_KEY.
    await keyRing.load();
    return keyRing.rotate(operator());
  });
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
