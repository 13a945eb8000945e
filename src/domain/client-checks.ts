import { CONTRACT_CLIENT } from '../core/contract-client.ts';
import { DomainError } from '../core/errors.ts';
import type { Tx } from '../storage/postgres/transaction.ts';
import type { Stores } from '../storage/stores.ts';
import { isPermission, type Permission } from './operators/permissions.ts';
import { UNPRINTABLE } from './identifiers.ts';
import type { Roles } from './operators/roles.ts';

/** A client to check: new, or with an id and secret of another provider. */
interface Brought {
  id?: string | undefined;
  secret?: string | undefined;
  metadata: Record<string, unknown>;
}

const MAX_NAME = 100;

/** RFC 6749 appendix A.1, without the space. */
const CLIENT_ID = /^[\x21-\x7e]{1,255}$/;

/** RFC 6749 appendix A.2. Secrets are stored with a fast hash, so one from elsewhere must not be guessable. */
const SECRET = /^[\x20-\x7e]{20,255}$/;

/** Authentication methods without a secret: none, and those with the client's own key or certificate. */
const SECRETLESS = new Set<unknown>([
  'none',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
  'attest_jwt_client_auth',
  'attest_jwt_client_auth_dpop',
]);

/** Characters that PostgreSQL's JSON cannot hold: NUL, and halves of a pair. */
const UNSTORABLE = /\\u0000|\\ud[89a-f][0-9a-f]{2}/i;

/** Whether the database can hold a value of JSON. */
export const isStorable = (value: unknown): boolean => !UNSTORABLE.test(JSON.stringify(value));

/** Whether a client with this metadata authenticates with a secret. */
export const needsSecret = ({ token_endpoint_auth_method: method }: Record<string, unknown>): boolean =>
  !SECRETLESS.has(method);

/** @throws DomainError invalid_client_metadata. */
export function refuse(field: string, reason: string): never {
  throw new DomainError('invalid_client_metadata', { field, reason });
}

/** @throws DomainError invalid_client_metadata. */
export function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed === '' || trimmed.length > MAX_NAME || UNPRINTABLE.test(trimmed))
    refuse('client_name', `must have 1 to ${MAX_NAME} printable characters`);
  return trimmed;
}

/** Whether the client is public (RFC 6749 section 2.1). */
export const isPublic = ({ token_endpoint_auth_method: method }: Record<string, unknown>): boolean =>
  method === 'none';

/** @throws DomainError invalid_client_metadata. */
export function checkBrought({ id, secret, metadata }: Brought): void {
  if (id !== undefined && (!CLIENT_ID.test(id) || id.startsWith(CONTRACT_CLIENT)))
    refuse(
      'client_id',
      `must have 1 to 255 printable ASCII characters without spaces, and not begin with ${CONTRACT_CLIENT}`,
    );
  if (secret === undefined) return;
  if (!needsSecret(metadata)) refuse('client_secret', 'this client does not authenticate with a secret');
  if (!SECRET.test(secret)) refuse('client_secret', 'must have 20 to 255 printable ASCII characters');
}

/** The management permissions in a client's scope. */
export function managementScopes(metadata: Record<string, unknown>): Permission[] {
  const { scope } = metadata;
  return isPublic(metadata) || typeof scope !== 'string' ? [] : scope.split(' ').filter(isPermission);
}

/**
 * Checks the names of roles and groups in `allowed_roles` and `allowed_groups`: an unknown one would lock everybody out.
 * @throws DomainError invalid_request, invalid_client_metadata.
 */
export async function checkCircle(
  changed: Record<string, unknown>,
  { roles, groups }: { roles: Pick<Roles, 'checkNames'>; groups: Pick<Stores['groups'], 'unknown'> },
  tx: Tx,
): Promise<void> {
  const named = (name: string): string[] => {
    const names = changed[name];
    return Array.isArray(names) ? names.map(String) : [];
  };
  await roles.checkNames(named('allowed_roles'), tx, 'allowed_roles');
  const [missing] = await groups.unknown(named('allowed_groups'), tx);
  if (missing !== undefined) refuse('allowed_groups', `names a group that does not exist: ${missing}`);
}
