import type { Actor } from '../../core/actor.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { allAccounts, allGroupNames, WholeAccount } from '../../storage/account-export.ts';
import { FOREIGN } from '../../storage/factors.ts';
import type { Stores } from '../../storage/stores.ts';
import type { ForeignHash, ForeignHashes } from '../passwords/foreign.ts';
import { auth0Of, type Exported, keycloakOf, ndjsonOf } from './formats.ts';

export type ExportFormat = 'ndjson' | 'keycloak' | 'auth0';

export interface AccountExports {
  /**
   * Every account, as a stream of text, in Postern's own format or that of another product. The audit event comes first.
   * @param options.withHashes whether to include password hashes, secrets of authenticators and recovery codes.
   */
  write(options: { format: ExportFormat; withHashes: boolean }, actor: Actor): AsyncGenerator<string>;
}

interface GroupTree {
  name: string;
  subGroups: GroupTree[];
}

/** Keycloak's groups are a tree: a slash in a name makes a branch. */
function treeOf(names: readonly string[]): GroupTree[] {
  const roots: GroupTree[] = [];
  for (const name of names) {
    let branch = roots;
    for (const part of name.split('/')) {
      let group = branch.find((one) => one.name === part);
      if (!group) branch.push((group = { name: part, subGroups: [] }));
      branch = group.subGroups;
    }
  }
  return roots;
}

export function createAccountExports(
  dependencies: Pick<Stores, 'roles' | 'audit'> & {
    allAccounts: typeof allAccounts;
    allGroupNames: typeof allGroupNames;
    secrets: Secrets;
    hashes: Pick<ForeignHashes, 'give'>;
  },
): AccountExports {
  const { roles, audit, secrets, hashes } = dependencies;

  /** Our code's hash as a plain HMAC, with its key: another installation has another one. */
  const ownCode = (hash: string): ForeignHash => ({
    hash: Buffer.from(hash, 'base64url').toString('hex'),
    format: 'hmac',
    params: {
      algorithm: 'sha256',
      encoding: 'hex',
      key: secrets.key('recovery-codes').toString('hex'),
      key_encoding: 'hex',
    },
  });

  const exported = async (account: WholeAccount, withHashes: boolean): Promise<Exported> => {
    const { user, recoveryCodes } = account;
    if (!withHashes) return { ...account, password: null, codes: [], withHashes };
    const codes = await Promise.all(
      recoveryCodes.map(async (hash) =>
        hash.startsWith(FOREIGN) ? hashes.give(hash.slice(FOREIGN.length)) : ownCode(hash),
      ),
    );
    const password = user.passwordHash === null ? null : await hashes.give(user.passwordHash);
    return { ...account, password, codes, withHashes };
  };

  async function* accounts(withHashes: boolean): AsyncGenerator<Exported> {
    for await (const account of dependencies.allAccounts()) yield exported(account, withHashes);
  }

  /** A JSON list, one element per line. */
  async function* listOf(withHashes: boolean, formOf: (account: Exported) => object): AsyncGenerator<string> {
    let separator = '';
    for await (const account of accounts(withHashes)) {
      yield `${separator}${JSON.stringify(formOf(account))}`;
      separator = ',\n';
    }
  }

  return {
    async *write({ format, withHashes }, actor) {
      const details = { format, with_hashes: withHashes };
      await audit.record({ type: 'accounts.exported', details }, actor);
      if (format === 'ndjson')
        for await (const account of accounts(withHashes)) yield `${JSON.stringify(ndjsonOf(account))}\n`;
      if (format === 'auth0') {
        yield '[\n';
        yield* listOf(withHashes, auth0Of);
        yield '\n]\n';
      }
      if (format === 'keycloak') {
        const realm = (await roles.list()).map(({ name, description }) => ({ name, description }));
        const groups = treeOf(await dependencies.allGroupNames());
        yield `{"realm":"postern","enabled":true,\n"roles":${JSON.stringify({ realm })},\n"groups":${JSON.stringify(groups)},\n"users":[\n`;
        yield* listOf(withHashes, keycloakOf);
        yield '\n]}\n';
      }
    },
  };
}
