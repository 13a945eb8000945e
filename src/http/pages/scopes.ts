import type { Settings } from '../../config/index.ts';
import { type Language, languageInfo } from '../../core/languages.ts';
import { oneLine } from '../../core/text.ts';
import type { Attribute } from '../../domain/attributes/index.ts';
import type { MeScope } from '../../oidc/tokens/me-scopes.ts';
import type { Message } from './i18n.ts';
import type { Icon } from './templates.ts';

/** An API (RFC 8707 resource server) that a client requests, with its scopes. */
export interface ApiAccess {
  name: string;
  scopes: readonly string[];
  /** Whether it is Postern's own: its scopes have sentences here. */
  isOwn?: boolean;
}

/** One line of the consent page. */
export interface Permission {
  icon: Icon;
  title: Message;
  detail?: Message;
  /** Scopes of an API, by name. The API's makers chose them, so there are no sentences for them. */
  names?: readonly string[];
}

const KNOWN: Readonly<Record<string, Permission>> = {
  openid: { icon: 'key', title: 'scope.openid', detail: 'scope.openidDetail' },
  profile: { icon: 'person', title: 'scope.profile', detail: 'scope.profileDetail' },
  email: { icon: 'mail', title: 'scope.email' },
  address: { icon: 'home', title: 'scope.address' },
  phone: { icon: 'phone', title: 'scope.phone' },
  roles: { icon: 'person', title: 'scope.roles', detail: 'scope.rolesDetail' },
  groups: { icon: 'person', title: 'scope.groups', detail: 'scope.groupsDetail' },
  permissions: { icon: 'key', title: 'scope.permissions', detail: 'scope.permissionsDetail' },
  offline_access: { icon: 'refresh', title: 'scope.offline', detail: 'scope.offlineDetail' },
};

/** From harmless to far-reaching, read before write. */
const OWN_API: Readonly<Record<MeScope, Permission>> = {
  'me:profile:read': { icon: 'person', title: 'scope.meProfileRead', detail: 'scope.meProfileReadDetail' },
  'me:security:read': { icon: 'key', title: 'scope.meSecurityRead', detail: 'scope.meSecurityReadDetail' },
  'me:sessions:read': { icon: 'phone', title: 'scope.meSessionsRead' },
  'me:apps:read': { icon: 'grid', title: 'scope.meAppsRead' },
  'me:events:read': { icon: 'clock', title: 'scope.meEventsRead', detail: 'scope.meEventsReadDetail' },
  'me:data:read': { icon: 'home', title: 'scope.meDataRead' },
  'me:profile:write': { icon: 'person', title: 'scope.meProfileWrite', detail: 'scope.meProfileWriteDetail' },
  'me:apps:write': { icon: 'grid', title: 'scope.meAppsWrite' },
  'me:sessions:write': { icon: 'phone', title: 'scope.meSessionsWrite' },
  'me:security:write': { icon: 'key', title: 'scope.meSecurityWrite', detail: 'scope.meSecurityWriteDetail' },
  'me:delete': { icon: 'alert', title: 'scope.meDelete', detail: 'scope.meDeleteDetail' },
};

/**
 * Describes scopes to a person, in this order: known scopes (OpenID Connect Core sections 5.4 and 11) from harmless to
 * far-reaching, attributes by their titles, other scopes by name, those of our own API, those of other APIs.
 * @param email the account's address, shown with the scope that reveals it.
 * @param attributes those that scopes may release.
 */
export function describeScopes(
  scopes: readonly string[],
  apis: readonly ApiAccess[],
  email: string,
  attributes: readonly Attribute[],
  language: Language,
): Permission[] {
  const asked = new Set(scopes);
  const opened = attributes.filter(({ scope }) => scope !== undefined && asked.has(scope));
  const known = Object.entries(KNOWN)
    .filter(([scope]) => asked.delete(scope))
    .map(([scope, permission]): Permission =>
      scope === 'email'
        ? { ...permission, detail: { key: 'scope.emailDetail', params: { email } } }
        : permission,
    );
  for (const { scope } of opened) asked.delete(scope!);
  const titles = opened.map((attribute) => oneLine(attribute.titleIn(language)));
  const details: Permission[] =
    titles.length === 0
      ? []
      : [
          {
            icon: 'person',
            title: {
              key: 'scope.attributes',
              params: { attributes: new Intl.ListFormat(languageInfo[language].tag).format(titles) },
            },
          },
        ];
  const others = [...asked].map((scope): Permission => ({
    icon: 'grid',
    title: { key: 'scope.other', params: { scope: oneLine(scope) } },
  }));
  const ownScopes = new Set(apis.filter(({ isOwn }) => isOwn).flatMap(({ scopes: named }) => named));
  const ownApi = Object.entries(OWN_API)
    .filter(([scope]) => ownScopes.has(scope))
    .map(([, permission]) => permission);
  const foreign = apis.filter(({ isOwn }) => !isOwn);
  const resources = foreign.map(({ name, scopes }): Permission => ({
    icon: 'grid',
    title: { key: 'scope.api', params: { api: oneLine(name) } },
    names: scopes.map((scope) => oneLine(scope)),
  }));
  return [...known, ...details, ...others, ...ownApi, ...resources];
}

/** One of the authorization details that a person is asked to allow (RFC 9396). */
export interface DetailDisplay {
  sentence: string;
  /** All its content, as `name: value`. Nothing may be allowed without being shown. */
  facts: readonly string[];
}

type Detail = { type: string } & Record<string, unknown>;

const whole = (text: string): string => oneLine(text, Infinity);

/** Flattens `{ a: { b: [1, 2] } }` to `a.b.0`, 1 and `a.b.1`, 2. */
function flatten(value: unknown, path: string): [string, string][] {
  if (typeof value !== 'object' || value === null) return [[path, whole(String(value))]];
  return Object.entries(value).flatMap(([name, inner]) => flatten(inner, path ? `${path}.${name}` : name));
}

/**
 * Describes the authorization details of clients in the operator's words. `{name}` in a sentence is replaced by the value of
 * that name.
 */
export function describeDetails(
  details: readonly Detail[],
  settings: Settings['authorizationDetails'],
  language: Language,
): DetailDisplay[] {
  return details.map(({ type, ...content }) => {
    const facts = flatten(content, '');
    const values = new Map(facts);
    const sentence = settings[type]?.sentence[language] ?? type;
    return {
      sentence: sentence.replace(/\{([^{}]+)\}/g, (_placeholder, name: string) => values.get(name) ?? '–'),
      facts: facts.map(([name, value]) => whole(`${name}: ${value}`)),
    };
  });
}
