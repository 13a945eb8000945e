import type { WholeAccount } from '../../storage/account-export.ts';
import { isPlaceholder } from '../../core/email-address.ts';
import { isEmailVerified } from '../ownership/address.ts';
import type { ForeignHash } from '../passwords/foreign.ts';
import { profileClaims } from '../users/profile-fields.ts';

/** An account with the secrets that the export includes. */
export interface Exported extends WholeAccount {
  password: ForeignHash | null;
  /** Empty unless secrets are included. */
  codes: ForeignHash[];
  withHashes: boolean;
}

/** Removes nulls, empty lists and empty objects. */
const withoutEmpty = (record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(record).filter(
      ([, value]) =>
        value !== null &&
        value !== undefined &&
        !(typeof value === 'object' && !(value instanceof Date) && Object.keys(value).length === 0),
    ),
  );

const rolesOf = ({ user }: WholeAccount): string[] => user.roles.filter((role) => role !== 'user');
const attributesOf = ({ user, sources }: WholeAccount): Record<string, unknown> => ({
  ...Object.assign({}, ...sources.map(({ attributes }) => attributes)),
  ...user.attributes,
});

/** Postern's own format, which `postern import` reads. */
export function ndjsonOf(account: Exported): Record<string, unknown> {
  const { user, sources, totp, codes, identities, groups, password, withHashes } = account;
  const [source] = sources;
  const [authenticator] = withHashes ? totp : [];
  return withoutEmpty({
    id: user.id,
    number: user.number,
    source: source?.source,
    source_id: source?.sourceId,
    username: user.username,
    email: user.email,
    email_verified: isEmailVerified(user),
    email_verified_at: isEmailVerified(user) ? user.emailVerifiedAt : null,
    ...profileClaims(user),
    phone_number_verified_at: user.phoneNumberVerifiedAt,
    address: user.address,
    status: user.status,
    roles: rolesOf(account),
    groups,
    created_at: user.createdAt,
    last_login_at: user.lastLoginAt,
    password_changed_at: password ? user.passwordChangedAt : null,
    password_hash: password?.hash,
    password_hash_format: password?.format,
    password_hash_params: password?.params,
    totp_secret: authenticator?.secret,
    totp: authenticator && {
      algorithm: authenticator.algorithm.toUpperCase(),
      digits: authenticator.digits,
      period: authenticator.period,
    },
    recovery_codes: codes,
    identities: identities.map(({ upstream, subject }) => ({ provider: upstream, subject })),
    attributes: attributesOf(account),
  });
}

const padded = (base64: string): string => base64.padEnd(Math.ceil(base64.length / 4) * 4, '=');

const PHC = /^\$([a-z\d-]+)\$(?:v=(\d+)\$)?([^$]+)\$([^$]+)\$([^$]+)$/;

/** A password as a Keycloak credential: Keycloak verifies argon2 and PBKDF2 as they are. */
function keycloakPassword({ hash, format }: ForeignHash): Record<string, unknown> | null {
  const [, name = '', version, costs = '', salt = '', value = ''] =
    format === undefined ? (PHC.exec(hash) ?? []) : [];
  const cost = new Map(costs.split(',').map((one) => one.split('=', 2) as [string, string]));
  const credential = (algorithm: string, iterations: string | undefined, more: Record<string, unknown>) => ({
    type: 'password',
    secretData: JSON.stringify({ value: padded(value), salt: padded(salt), additionalParameters: {} }),
    credentialData: JSON.stringify({
      hashIterations: Number(iterations),
      algorithm,
      additionalParameters: more,
    }),
  });
  if (/^argon2(id|i|d)$/.test(name))
    return credential('argon2', cost.get('t'), {
      hashLength: [String(Buffer.from(value, 'base64').length)],
      memory: [cost.get('m')],
      type: [name.slice('argon2'.length)],
      version: [version === '16' ? '1.0' : '1.3'],
      parallelism: [cost.get('p')],
    });
  const pbkdf2 = /^pbkdf2-(sha\d+)$/.exec(name);
  if (!pbkdf2 || !cost.has('i')) return null;
  return credential(pbkdf2[1] === 'sha1' ? 'pbkdf2' : name, cost.get('i'), {});
}

/** A user of a realm file of Keycloak. */
export function keycloakOf(account: Exported): Record<string, unknown> {
  const { user, totp, identities, groups, password, withHashes } = account;
  const { locale, phone_number: phoneNumber } = profileClaims(user);
  const credential = password && keycloakPassword(password);
  const authenticators = (withHashes ? totp : []).map((one) => ({
    type: 'otp',
    userLabel: one.name,
    secretData: JSON.stringify({ value: one.secret }),
    credentialData: JSON.stringify({
      subType: 'totp',
      digits: one.digits,
      counter: 0,
      period: one.period,
      algorithm: `Hmac${one.algorithm.toUpperCase()}`,
      secretEncoding: 'BASE32',
    }),
  }));
  const custom = Object.entries(attributesOf(account)).map(([name, value]): [string, string[]] => [
    name,
    [value].flat().map((one) => (typeof one === 'string' ? one : JSON.stringify(one))),
  ]);
  return withoutEmpty({
    id: user.id,
    username: user.username ?? (isPlaceholder(user.email) ? user.id : user.email.toLowerCase()),
    email: isPlaceholder(user.email) ? null : user.email.toLowerCase(),
    emailVerified: isEmailVerified(user),
    enabled: user.status === 'active',
    firstName: user.givenName ?? user.name,
    lastName: user.familyName,
    createdTimestamp: user.createdAt.getTime(),
    attributes: {
      ...Object.fromEntries(custom),
      ...(locale && { locale: [locale] }),
      ...(phoneNumber && { phoneNumber: [phoneNumber] }),
    },
    groups: groups.map((name) => `/${name}`),
    realmRoles: rolesOf(account),
    // The user sets a new password where Keycloak cannot verify the hash.
    requiredActions: user.passwordHash !== null && !credential && withHashes ? ['UPDATE_PASSWORD'] : [],
    credentials: [credential, ...authenticators].filter((one) => one !== null),
    federatedIdentities: identities.map(({ upstream, subject }) => ({
      identityProvider: upstream,
      userId: subject,
      userName: subject,
    })),
  });
}

/** A password hash in Auth0's `custom_password_hash` form, which names its algorithm. */
function auth0Password({ hash, format }: ForeignHash): Record<string, unknown> | null {
  if (format !== undefined) return null;
  if (/^\$2[aby]\$/.test(hash)) return { algorithm: 'bcrypt', hash: { value: hash } };
  const kind = /^\$(argon2|pbkdf2|scrypt)/.exec(hash)?.[1];
  if (kind !== undefined) return { algorithm: kind, hash: { value: hash, encoding: 'utf8' } };
  return /^\{S?(MD5|SHA)/i.test(hash) ? { algorithm: 'ldap', hash: { value: hash, encoding: 'utf8' } } : null;
}

/** A user in Auth0's import format. */
export function auth0Of(account: Exported): Record<string, unknown> {
  const { user, totp, sources, groups, password, withHashes } = account;
  const { nickname, picture, locale } = profileClaims(user);
  return withoutEmpty({
    user_id: sources[0]?.sourceId.replace(/^auth0\|/, '') ?? user.id,
    email: isPlaceholder(user.email) ? null : user.email,
    email_verified: isEmailVerified(user),
    username: user.username,
    name: user.name,
    given_name: user.givenName,
    family_name: user.familyName,
    nickname,
    picture,
    blocked: user.status !== 'active',
    custom_password_hash: password && auth0Password(password),
    mfa_factors: (withHashes ? totp : []).slice(0, 1).map(({ secret }) => ({ totp: { secret } })),
    user_metadata: withoutEmpty({ locale }),
    app_metadata: withoutEmpty({
      id: user.id,
      number: user.number,
      roles: rolesOf(account),
      groups,
      attributes: attributesOf(account),
    }),
  });
}
