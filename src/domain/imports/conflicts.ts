import type { Holder, Imports, Known, UniqueKeys } from '../../storage/imports.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Candidate } from './preparation.ts';
import type { ErrorCode } from './problems.ts';
import { isUuid } from '../../core/ids.ts';

/** The existing accounts that match a batch. */
export interface Present {
  known: Map<string, Known>;
  ids: Map<string, Holder>;
  numbers: Map<number, Holder>;
  /** Accounts that get a new number. */
  givingWay: string[];
  emails: Map<string, Holder>;
  usernames: Map<string, Holder>;
  /** Addresses that an account may still be restored to, with that account. */
  reserved: Map<string, string>;
  /** Source ids of other accounts. */
  sourceIds: Map<string, string>;
  /** Accounts known by another id of the same source. */
  ties: Map<string, string>;
}

export interface Conflict {
  code: ErrorCode;
  message: string;
  /** The conflicting account; null for a line of the same batch, or an address reserved for an account. */
  holder: Holder | null;
}

export const sourceKey = ({ source, record: { sourceId } }: Candidate): string =>
  JSON.stringify([source, sourceId]);

/** A source id that could be another account's subject. */
const uuidOf = ({ record: { sourceId } }: Candidate): string[] =>
  isUuid(sourceId) ? [sourceId.toLowerCase()] : [];

const keysOf = (candidates: readonly Candidate[]): UniqueKeys => ({
  ids: candidates.flatMap((one) => [one.user.id, ...uuidOf(one)]),
  numbers: candidates.flatMap(({ user: { number } }) => (number > 0 ? [number] : [])),
  emailKeys: candidates.map(({ user }) => user.emailKey),
  usernameKeys: candidates.flatMap(({ user: { usernameKey } }) => usernameKey ?? []),
});

/** The accounts that a batch may conflict with. */
export async function findPresent(
  imports: Imports,
  candidates: readonly Candidate[],
  { needsTies }: { needsTies: boolean },
  tx?: Tx,
): Promise<Present> {
  const keys = keysOf(candidates);
  // One after the other: a transaction has one connection.
  const known = await imports.known(
    candidates.map(({ source, record: { sourceId } }) => ({ source, sourceId })),
    tx,
  );
  const holders = await imports.holders(keys, tx);
  const givingWay = new Set(keys.numbers.length > 0 ? await imports.givingWay(keys.numbers, tx) : []);
  const reserved = await imports.reserved(keys.emailKeys, tx);
  const taken = await imports.takenAsSourceIds(keys.ids, tx);
  const sources = [...new Set(candidates.map(({ source }) => source))];
  const ties =
    needsTies && holders.length > 0
      ? await imports.tiesOf(
          holders.map(({ id }) => id),
          sources,
          tx,
        )
      : [];
  return {
    known: new Map(known.map((one) => [JSON.stringify([one.source, one.sourceId]), one])),
    ids: new Map(holders.map((one) => [one.id, one])),
    numbers: new Map(holders.filter(({ id }) => !givingWay.has(id)).map((one) => [one.number, one])),
    givingWay: [...givingWay],
    emails: new Map(holders.map((one) => [one.emailKey, one])),
    usernames: new Map(holders.flatMap((one) => (one.usernameKey === null ? [] : [[one.usernameKey, one]]))),
    reserved: new Map(reserved.map(({ emailKey, accountId }) => [emailKey, accountId])),
    sourceIds: new Map(taken.map(({ sourceId, accountId }) => [sourceId, accountId])),
    ties: new Map(ties.map(({ accountId, source, sourceId }) => [`${accountId} ${source}`, sourceId])),
  };
}

/** How two spellings differ, to help find the other one. */
const spelling = (mine: string, theirs: string): string =>
  mine === theirs
    ? JSON.stringify(mine)
    : `${JSON.stringify(mine)} (as ${JSON.stringify(theirs)}: case or Unicode form differs)`;

const WAYS = 'correct one of them, or use --on-conflict';

/** The first conflict of a new account: by id, number, address or username. */
export function conflictOf(candidate: Candidate, present: Present): Conflict | null {
  const { user } = candidate;
  const byId = present.ids.get(user.id) ?? uuidOf(candidate).flatMap((id) => present.ids.get(id) ?? [])[0];
  if (byId)
    return {
      code: 'duplicate_id',
      message: `an account has the id ${byId.id}: ${WAYS}`,
      holder: byId,
    };
  if (present.sourceIds.has(user.id))
    return {
      code: 'duplicate_id',
      message: `the id ${user.id} is that of another account at its source: use another one`,
      holder: null,
    };
  const byNumber = user.number > 0 ? present.numbers.get(user.number) : undefined;
  if (byNumber)
    return {
      code: 'duplicate_number',
      message: `the number ${user.number} is that of ${byNumber.email}: ${WAYS}`,
      holder: byNumber,
    };
  const byEmail = present.emails.get(user.emailKey);
  if (byEmail)
    return {
      code: 'duplicate_email',
      message: `an account has the address ${spelling(user.email, byEmail.email)}: ${WAYS}`,
      holder: byEmail,
    };
  if (present.reserved.has(user.emailKey))
    return {
      code: 'duplicate_email',
      message: `the address ${JSON.stringify(user.email)} is reserved for the account that had it until recently`,
      holder: null,
    };
  const byUsername = user.usernameKey === null ? undefined : present.usernames.get(user.usernameKey);
  if (byUsername)
    return {
      code: 'duplicate_username',
      message: `an account has the username ${spelling(user.username ?? '', byUsername.username ?? '')}: ${WAYS}`,
      holder: byUsername,
    };
  return null;
}

/** Keys of accounts created by this batch, or by an earlier one of a dry run. */
export const claimsOf = (candidate: Candidate): [code: ErrorCode, key: string][] => {
  const { id, number, emailKey, usernameKey } = candidate.user;
  const ids = [id, ...uuidOf(candidate)];
  return [
    ...ids.map((one): [ErrorCode, string] => ['duplicate_id', `id:${one}`]),
    ...(number > 0 ? ([['duplicate_number', `number:${number}`]] as [ErrorCode, string][]) : []),
    ['duplicate_email', `email:${emailKey}`],
    ...(usernameKey === null
      ? []
      : ([['duplicate_username', `username:${usernameKey}`]] as [ErrorCode, string][])),
  ];
};

/** What records of one file share. */
export interface Seen {
  line: number;
  /** As spelled in the file. */
  spelt: string;
  digest: string;
}

/** The spelling of a claimed identifier in `candidate`. */
export const speltAs = ({ user }: Candidate, key: string): string =>
  key.startsWith('email:')
    ? user.email
    : key.startsWith('username:')
      ? (user.username ?? '')
      : key.replace(/^\w+:/, '');

export const describeSeen = (candidate: Candidate, key: string, seen: Seen | undefined): string => {
  const what = key.replace(/:.*$/s, '');
  const mine = speltAs(candidate, key);
  const where = seen === undefined ? 'an earlier record' : `line ${seen.line}`;
  return `${where} has the ${what} ${spelling(mine, seen?.spelt ?? mine)}: the first one is kept; correct this one`;
};
