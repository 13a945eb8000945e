import { Op } from 'sequelize';
import { recordOf, type RecordOf } from './models/define.ts';
import { Group, GroupMember } from './models/roles.ts';
import { ImportedAccount } from './models/origins.ts';
import { RecoveryCode, TotpAuthenticator } from './models/factors.ts';
import { UpstreamIdentity } from './models/upstreams.ts';
import { User } from './models/user.ts';
import type { UserRecord } from './users.ts';

const user = recordOf(User);
const authenticator = recordOf(TotpAuthenticator);
const imported = recordOf(ImportedAccount);
const identity = recordOf(UpstreamIdentity);

/** An account with everything that an export contains. */
export interface WholeAccount {
  user: UserRecord;
  sources: RecordOf<typeof imported>[];
  totp: RecordOf<typeof authenticator>[];
  /** In stored form. */
  recoveryCodes: string[];
  identities: RecordOf<typeof identity>[];
  /** Names of its groups. */
  groups: string[];
}

/** Accounts per batch. */
const PAGE = 500;

/** Reads the belongings of each account. */
function byAccount<T extends { accountId: string }>(rows: readonly T[]): Map<string, T[]> {
  return Map.groupBy(rows, ({ accountId }) => accountId);
}

async function wholeOf(users: readonly UserRecord[]): Promise<WholeAccount[]> {
  const where = { accountId: users.map(({ id }) => id) };
  const [sources, totp, codes, identities, members] = await Promise.all([
    ImportedAccount.findAll({ where, order: ['createdAt'] }),
    TotpAuthenticator.findAll({ where: { ...where, expiresAt: null }, order: ['createdAt'] }),
    RecoveryCode.findAll({ where }),
    UpstreamIdentity.findAll({ where, order: ['createdAt'] }),
    GroupMember.findAll({ where }),
  ]);
  const groups = await Group.findAll({
    attributes: ['id', 'name'],
    where: { id: [...new Set(members.map(({ groupId }) => groupId))] },
  });
  const names = new Map(groups.map(({ id, name }) => [id, name]));
  const byTable = {
    sources: byAccount(sources.map(imported.from)),
    totp: byAccount(totp.map(authenticator.from)),
    codes: byAccount(codes),
    identities: byAccount(identities.map(identity.from)),
    members: byAccount(members),
  };
  return users.map((one) => ({
    user: one,
    sources: byTable.sources.get(one.id) ?? [],
    totp: byTable.totp.get(one.id) ?? [],
    recoveryCodes: (byTable.codes.get(one.id) ?? []).map(({ hash }) => hash),
    identities: byTable.identities.get(one.id) ?? [],
    groups: (byTable.members.get(one.id) ?? []).flatMap(({ groupId }) => names.get(groupId) ?? []).toSorted(),
  }));
}

/** Every account that is not deleted, by id, in batches. */
export async function* allAccounts(): AsyncGenerator<WholeAccount> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const users = await User.findAll({
      where: { id: { [Op.gt]: after }, status: { [Op.ne]: 'deleted' } },
      order: ['id'],
      limit: PAGE,
    });
    yield* await wholeOf(users.map(user.from));
    const last = users.at(-1);
    if (!last) return;
    after = last.id;
  }
}

/** The names of all groups. */
export const allGroupNames = async (): Promise<string[]> =>
  (await Group.findAll({ attributes: ['name'], order: ['name'] })).map(({ name }) => name);
