/** Records as the API shows them: what is not named here stays inside. */
import type { ApiKey } from '../../../domain/api-keys.ts';
import type { AccountEvent } from '../../../domain/history.ts';
import type { Mfa } from '../../../domain/mfa/index.ts';
import type { ConnectedApp, AccountSession } from '../../../domain/sessions.ts';
import type { LinkedIdentity } from '../../../domain/upstream.ts';

type Status = Awaited<ReturnType<Mfa['status']>>;

const moment = (at: Date): string => at.toISOString();
const optional = (at: Date | null): string | null => at && moment(at);

export const totpOf = ({ id, name, createdAt, lastUsedAt }: Status['totp'][number]) => ({
  id,
  name,
  created_at: moment(createdAt),
  last_used_at: optional(lastUsedAt),
});

export const passkeyOf = (passkey: Status['passkeys'][number]) => ({
  ...totpOf(passkey),
  backed_up: passkey.backedUp,
});

export const factorsOf = ({
  totp,
  passkeys,
  recoveryCodesLeft,
}: Pick<Status, 'totp' | 'passkeys' | 'recoveryCodesLeft'>) => ({
  totp: totp.map(totpOf),
  passkeys: passkeys.map(passkeyOf),
  recovery_codes_left: recoveryCodesLeft,
});

export const sessionOf = (session: AccountSession) => ({
  id: session.uid,
  kind: session.kind,
  browser: session.browser,
  system: session.system,
  ip: session.ip,
  signed_in_at: moment(session.signedInAt),
  seen_at: optional(session.seenAt),
  expires_at: moment(session.expiresAt),
  client_ids: session.clientIds,
  ends_with: session.endsWith,
});

export const appOf = ({ clientId, allowed, since }: ConnectedApp) => ({
  client_id: clientId,
  since: moment(since),
  scopes: allowed.oidcScopes,
  resources: Object.entries(allowed.resourceScopes).map(([identifier, scopes]) => ({ identifier, scopes })),
});

export const identityOf = ({ id, upstream, label, createdAt, lastUsedAt }: LinkedIdentity) => ({
  id,
  provider: upstream,
  label,
  created_at: moment(createdAt),
  last_used_at: optional(lastUsedAt),
});

export const keyOf = ({ id, name, prefix, permissions, createdAt, expiresAt, lastUsedAt }: ApiKey) => ({
  id,
  name,
  prefix,
  permissions,
  created_at: moment(createdAt),
  expires_at: optional(expiresAt),
  last_used_at: optional(lastUsedAt),
});

export const eventOf = ({ id, type, outcome, at, browser, system, ip, door, clientId }: AccountEvent) => ({
  id,
  type,
  outcome,
  at: moment(at),
  browser,
  system,
  ip,
  door,
  client_id: clientId,
});
