import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../config/index.ts';
import type { Accounts } from '../../domain/users/index.ts';
import type { KeyRing } from '../../oidc/key-ring.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

async function keyFile({ secretsKey, dataDir }: Config): Promise<Finding> {
  if (secretsKey !== undefined) return ok('console.doctor.name.secretsKey', { text: 'SECRETS_KEY' });
  const file = path.join(dataDir, 'secrets.key');
  const found = await stat(file).catch(() => null);
  const params = { file };
  if (!found) return ok('console.doctor.name.secretsKey', { key: 'console.doctor.secretsKeyNone', params });
  if ((found.mode & 0o077) === 0)
    return ok('console.doctor.name.secretsKey', { key: 'console.doctor.secretsKeyFile', params });
  return problem(
    'console.doctor.name.secretsKey',
    { key: 'console.doctor.secretsKeyOpen', params },
    { key: 'console.doctor.secretsKeyOpenTodo', params },
  );
}

async function signingKeys(keyRing: KeyRing): Promise<Finding> {
  // Throws when SECRETS_KEY cannot decrypt the keys.
  const { changesAt } = await keyRing.load();
  const signing = (await keyRing.list()).filter((key) => key.state === 'signing');
  if (signing.length === 0) return ok('console.doctor.name.signingKeys', 'console.doctor.signingNone');
  const names = signing.map((key) => `${key.alg} ${key.kid}`).join(', ');
  const params = { keys: names, at: new Date(changesAt).toISOString() };
  return ok('console.doctor.name.signingKeys', { key: 'console.doctor.signing', params });
}

async function administrators(accounts: Pick<Accounts, 'list'>): Promise<Finding[]> {
  const [first] = await accounts.list({ limit: 1 });
  if (first) return [];
  return [
    warning('console.doctor.name.accounts', 'console.doctor.accountsNone', 'console.doctor.accountsNoneTodo'),
  ];
}

/** Checks the keys in a migrated database. @throws StartupError for a wrong SECRETS_KEY. */
export async function checkKeys(
  config: Config,
  { keyRing, accounts }: { keyRing: KeyRing; accounts: Pick<Accounts, 'list'> },
): Promise<Finding[]> {
  const file = await keyFile(config);
  return [file, await signingKeys(keyRing), ...(await administrators(accounts))];
}
