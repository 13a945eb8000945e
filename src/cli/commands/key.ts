import type { Command } from 'commander';
import type { KeyAdmin } from '../../oidc/key-admin.ts';
import type { KeyState } from '../../oidc/key-ring.ts';
import { manager } from '../operator.ts';
import { type Report, reporting, table } from '../report.ts';

const keysOf = async <T>(work: (keys: KeyAdmin) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ keys }) => work(keys));
};

const toJson = (key: Omit<KeyState, 'state'>) => ({
  kid: key.kid,
  alg: key.alg,
  created_at: key.createdAt.toISOString(),
  activates_at: key.activatesAt.toISOString(),
  expires_at: key.expiresAt?.toISOString() ?? null,
});

async function list(): Promise<Report> {
  const keys = await keysOf((admin) => admin.list(manager()));
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
  const keys = await keysOf((admin) => admin.rotate(manager()));
  const from = keys[0]?.activatesAt.toISOString();
  return {
    json: { keys: keys.map(toJson) },
    text: `Published ${keys.map((key) => `${key.kid} (${key.alg})`).join(', ')}; signing from ${from}.`,
  };
}

async function retire(
  kid: string,
  { force = false, reason = null }: { force?: boolean; reason?: string | null },
): Promise<Report> {
  const { key, breaksUntil } = await keysOf((admin) => admin.retire(manager(), kid, { force, reason }));
  return {
    json: { kid, alg: key.alg, breaks_until: breaksUntil?.toISOString() ?? null },
    text: breaksUntil
      ? `Retired ${kid}. The tokens that it signed, valid until ${breaksUntil.toISOString()} at the latest, no longer verify.`
      : `Retired ${kid}, which had signed nothing.`,
  };
}

export function addKey(program: Command): void {
  const key = program.command('key').description('manage signing keys');
  reporting(key.command('list').description('list the keys in the JWKS with their state'), list);
  reporting(
    key
      .command('rotate')
      .description('create the next keys: published now, signing after keys.lead, without a restart'),
    rotate,
  );
  reporting(
    key
      .command('retire')
      .description('retire a key early')
      .argument('<kid>', 'id shown by the list')
      .option('--force', 'even if tokens that it signed are still valid; the next key takes over at once')
      .option('--reason <text>', 'why, for the audit'),
    retire,
  );
}
