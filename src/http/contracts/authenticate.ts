import type { Context } from 'koa';
import { DomainError } from '../../core/errors.ts';
import type { Caller, Contract, ContractServices, Operation } from './contract.ts';

/** The token of an Authorization header (RFC 6750 section 2.1); undefined without one. */
function bearerToken(ctx: Context): string | undefined {
  return /^Bearer +([\w.~+/-]+=*)$/i.exec(ctx.get('Authorization'))?.[1];
}

/**
 * Authenticates the caller as the operation requires.
 * @throws DomainError invalid_token without a valid credential, forbidden when an API key lacks the permission, mfa_required
 *   for an account that must have a second factor and has none.
 */
export async function authenticate(
  ctx: Context,
  contract: Pick<Contract, 'name'>,
  { auth, permission }: Pick<Operation, 'auth' | 'permission'>,
  services: ContractServices,
): Promise<Caller | null> {
  if (auth === 'none') return null;
  if (auth !== 'bearer') {
    const caller = await byApiKey(ctx, services);
    // Never mix the permissions of an account's own key with those of the operator's key.
    const mayBe = caller && (auth === 'apiKey') === (caller.accountId === null);
    if (caller && !(mayBe && caller.key.permissions.includes(permission ?? '')))
      throw new DomainError('forbidden', permission === undefined ? {} : { reason: permission });
    if (caller?.accountId) await refuseLacking(services, await services.accounts.find(caller.accountId));
    if (caller) return caller;
    if (auth === 'apiKey') throw new DomainError('invalid_token', { reason: 'api_key' });
  }
  const token = bearerToken(ctx);
  const claims = token === undefined ? null : await services.tokens.verify(contract.name, token);
  if (!claims)
    throw new DomainError('invalid_token', { reason: token === undefined ? 'missing' : 'invalid' });
  await refuseLacking(services, { id: claims.sub, roles: claims.roles });
  return { kind: 'user', claims, accountId: claims.sub };
}

async function refuseLacking(
  { mfa }: ContractServices,
  account: { id: string; roles: string[] } | null,
): Promise<void> {
  if (account && (await mfa.lacksRequired(account)))
    throw new DomainError('mfa_required', { reason: 'enrolment' });
}

async function byApiKey(
  ctx: Context,
  { apiKeys }: ContractServices,
): Promise<(Caller & { kind: 'apiKey' }) | null> {
  const presented = ctx.get('X-API-Key');
  if (presented === '') return null;
  const key = await apiKeys.authenticate(presented);
  if (!key) throw new DomainError('invalid_token', { reason: 'api_key' });
  return { kind: 'apiKey', key, accountId: key.accountId };
}
