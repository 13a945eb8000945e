import { createCipheriv } from 'node:crypto';
import type { Configuration, Provider } from 'oidc-provider';
import type { Secrets } from '../../core/secrets.ts';
import { isUuid } from '../../core/ids.ts';
import type { Imports } from '../../storage/imports.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import { type Override, shape } from '../overrides/override.ts';

type Client = NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>;

export interface SubjectDependencies {
  secrets: Secrets;
  sourceIds: Pick<Imports, 'sourceIdOf' | 'known'>;
}

/** The form of a subject (OpenID Connect Core section 8): at most 255 ASCII characters. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/;

/**
 * The account's UUID, which is one block of AES, encrypted under a key per sector. Identifiers of two sectors cannot be
 * correlated, never collide, and are stable as long as SECRETS_KEY is.
 */
function pairwise(secrets: Secrets, accountId: string, sector: string): string {
  const key = secrets.keyObject(`pairwise:${sector}`);
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  return cipher.update(Buffer.from(accountId.replaceAll('-', ''), 'hex')).toString('base64url');
}

async function sourceIdOf(
  sourceIds: SubjectDependencies['sourceIds'],
  accountId: string,
  source: string,
): Promise<string> {
  const id = await sourceIds.sourceIdOf(accountId, source);
  return id !== null && SUBJECT.test(id) ? id : accountId;
}

/**
 * Subjects other than account ids: pairwise identifiers (OpenID Connect Core section 8.1), or ids of the service that the
 * accounts come from (`subject_source`).
 */
export function createSubjects({
  secrets,
  sourceIds,
}: SubjectDependencies): NonNullable<Configuration['pairwiseIdentifier']> {
  return async (_ctx, accountId, client: Client) => {
    const { subject_source: source } = client as ExtraClientProperties;
    return source === undefined
      ? pairwise(secrets, accountId, String(client['sectorIdentifier']))
      : sourceIdOf(sourceIds, accountId, source);
  };
}

/**
 * Finds the account of a client's `subject`. Undefined when unknown, and for pairwise identifiers.
 */
export async function accountOfSubject(
  { sourceIds }: Pick<SubjectDependencies, 'sourceIds'>,
  subject: unknown,
  client: Client | undefined,
): Promise<string | undefined> {
  if (typeof subject !== 'string') return undefined;
  const { subject_source: source } = (client ?? {}) as ExtraClientProperties;
  if (source === undefined) return client?.subjectType === 'pairwise' ? undefined : subject;
  const [known] = await sourceIds.known([{ source, sourceId: subject }]);
  for (const accountId of [known?.accountId, subject])
    if (accountId !== undefined && isUuid(accountId))
      if ((await sourceIdOf(sourceIds, accountId, source)) === subject) return accountId;
  return undefined;
}

/**
 * The library treats clients with `subject_source` as pairwise: it asks for their identifier of an account. They need no sector,
 * so their metadata does not mention it.
 */
function installSubjectSource({ Client: { prototype } }: Provider): void {
  Object.defineProperty(prototype, 'subject_source', {
    configurable: true,
    set(this: object, value: unknown) {
      Object.defineProperty(this, 'subject_source', {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
      });
      if (value === undefined) return;
      Object.defineProperty(this, 'subjectType', {
        configurable: true,
        enumerable: false,
        get: () => 'pairwise',
        set() {
          // Whatever the metadata says.
        },
      });
    },
  });
}

export const subjectSource: Override<unknown> = {
  name: 'subject-source',
  why: 'the library asks for the subject of an account only for pairwise clients',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Client.prototype.metadata'),
  install: installSubjectSource,
};
