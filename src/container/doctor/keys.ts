import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../config/index.ts';
import type { Accounts } from '../../domain/users/index.ts';
import type { KeyRing } from '../../oidc/key-ring.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

async function keyFile({ secretsKey, dataDir }: Config): Promise<Finding> {
  if (secretsKey !== undefined) return ok('secrets key', 'SECRETS_KEY');
  const file = path.join(dataDir, 'secrets.key');
  const found = await stat(file).catch(() => null);
  if (!found) return ok('secrets key', `none yet; the first start makes ${file}`);
  if ((found.mode & 0o077) === 0) return ok('secrets key', `${file}; back it up with the database`);
  return problem('secrets key', `other users can read ${file}`, `Run: chmod 600 ${file}`);
}

async function signingKeys(keyRing: KeyRing): Promise<Finding> {
  // Throws when SECRETS_KEY cannot decrypt the keys.
  const { changesAt } = await keyRing.load();
  const signing = (await keyRing.list()).filter((key) => key.state === 'signing');
  if (signing.length === 0) return ok('signing keys', 'none yet; the first start makes them');
  const names = signing.map((key) => `${key.alg} ${key.kid}`).join(', ');
  return ok('signing keys', `${names}; next change ${new Date(changesAt).toISOString()}`);
}

async function administrators(accounts: Pick<Accounts, 'list'>): Promise<Finding[]> {
  const [first] = await accounts.list({ limit: 1 });
  if (first) return [];
  return [warning('accounts', 'there is none yet', 'Start the server: it makes the first administrator.')];
}

/** Checks the keys in a migrated database. @throws StartupError for a wrong SECRETS_KEY. */
export async function checkKeys(
  config: Config,
  { keyRing, accounts }: { keyRing: KeyRing; accounts: Pick<Accounts, 'list'> },
): Promise<Finding[]> {
  const file = await keyFile(config);
  return [file, await signingKeys(keyRing), ...(await administrators(accounts))];
}
