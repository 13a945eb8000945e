import type { Permission } from '../../domain/operators/permissions.ts';
import type { MessageKey } from '../pages/i18n.ts';
import type { Icon } from '../pages/templates.ts';

/** The pages of the navigation, in order, with path and required permission (null: any operator). */
export const SECTIONS = {
  'overview': { path: '/admin', label: 'console.nav.overview', icon: 'home', permission: null },
  'users': { path: '/admin/users', label: 'console.nav.users', icon: 'person', permission: 'users:read' },
  'groups': {
    path: '/admin/groups',
    label: 'console.nav.groups',
    icon: 'circles',
    permission: 'groups:read',
  },
  'roles': { path: '/admin/roles', label: 'console.nav.roles', icon: 'shield', permission: 'roles:read' },
  'sessions': {
    path: '/admin/sessions',
    label: 'console.nav.sessions',
    icon: 'screen',
    permission: 'sessions:read',
  },
  'clients': {
    path: '/admin/clients',
    label: 'console.nav.clients',
    icon: 'grid',
    permission: 'clients:read',
  },
  'apis': { path: '/admin/apis', label: 'console.nav.apis', icon: 'braces', permission: 'apis:read' },
  'upstreams': {
    path: '/admin/upstreams',
    label: 'console.nav.upstreams',
    icon: 'enter',
    permission: 'upstreams:read',
  },
  'contracts': {
    path: '/admin/contracts',
    label: 'console.nav.contracts',
    icon: 'door',
    permission: 'contracts:read',
  },
  'audit': { path: '/admin/audit', label: 'console.nav.audit', icon: 'lines', permission: 'audit:read' },
  'webhooks': {
    path: '/admin/webhooks',
    label: 'console.nav.webhooks',
    icon: 'send',
    permission: 'webhooks:read',
  },
  'mail': { path: '/admin/mail', label: 'console.nav.mail', icon: 'mail', permission: 'mail:read' },
  'branding': {
    path: '/admin/branding',
    label: 'console.nav.branding',
    icon: 'drop',
    permission: 'branding:write',
  },
  'keys': { path: '/admin/keys', label: 'console.nav.keys', icon: 'key', permission: 'keys:read' },
  'api-keys': {
    path: '/admin/api-keys',
    label: 'console.tokens.apiKeys',
    icon: 'lock',
    permission: 'api-keys:read',
  },
  'registration-tokens': {
    path: '/admin/registration-tokens',
    label: 'console.tokens.registration',
    icon: 'plus',
    permission: 'registration-tokens:read',
  },
  'scim-tokens': {
    path: '/admin/scim-tokens',
    label: 'console.tokens.scim',
    icon: 'folder',
    permission: 'scim:write',
  },
  'settings': {
    path: '/admin/settings',
    label: 'console.nav.settings',
    icon: 'sliders',
    permission: 'settings:read',
  },
  'health': {
    path: '/admin/health',
    label: 'console.nav.health',
    icon: 'pulse',
    permission: 'settings:read',
  },
} as const satisfies Record<
  string,
  { path: string; label: MessageKey; icon: Icon; permission: Permission | null }
>;

export type Section = keyof typeof SECTIONS;

const GROUPS: readonly { label: MessageKey | null; sections: readonly Section[] }[] = [
  { label: null, sections: ['overview'] },
  { label: 'console.nav.people', sections: ['users', 'groups', 'roles', 'sessions'] },
  { label: 'console.nav.apps', sections: ['clients', 'apis', 'upstreams', 'contracts'] },
  { label: 'console.nav.watch', sections: ['audit', 'webhooks', 'mail'] },
  {
    label: 'console.nav.setUp',
    sections: ['branding', 'keys', 'api-keys', 'registration-tokens', 'scim-tokens', 'settings', 'health'],
  },
];

/** One group of the navigation, as an operator sees it. */
export interface NavGroup {
  label: MessageKey | null;
  items: { section: Section; path: string; label: MessageKey; icon: Icon }[];
}

/**
 * The navigation of an operator: only what they may open.
 * @param available the sections that have pages
 */
export const navigationOf = (
  permissions: ReadonlySet<Permission>,
  available: ReadonlySet<Section>,
): NavGroup[] =>
  GROUPS.map(({ label, sections }) => ({
    label,
    items: sections
      .filter((section) => {
        const { permission } = SECTIONS[section];
        return available.has(section) && (permission === null || permissions.has(permission));
      })
      .map((section) => {
        const { path, label, icon } = SECTIONS[section];
        return { section, path, label, icon };
      }),
  })).filter(({ items }) => items.length > 0);
