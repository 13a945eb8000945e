/**
 * The permissions of operators. They are also the scopes of the management API, and roles consist of them. They are fixed:
 * scripts and configurations name them.
 */
export const PERMISSIONS = {
  'users:read': 'See people, their factors, sign-ins and history',
  'users:write': 'Create, change, suspend, reactivate and unlock people',
  'users:credentials': 'Reset passwords and second factors, verify addresses',
  'users:delete': 'Delete people and cancel deletions',
  'users:export': "Export a person's data and lists of people",
  'users:impersonate': 'View the account pages as another person',
  'sessions:read': 'See all sessions and connected apps',
  'sessions:write': 'End sessions and revoke consent',
  'groups:read': 'See groups and their members',
  'groups:write': 'Create and change groups and their members',
  'roles:read': 'See roles and who has them',
  'roles:write': 'Define and assign roles',
  'clients:read': 'See apps and service accounts',
  'clients:write': 'Create and change apps and service accounts, rotate their secrets',
  'apis:read': 'See APIs and their scopes',
  'apis:write': 'Create and change APIs and their scopes',
  'upstreams:read': 'See sign-in providers',
  'upstreams:write': 'Create and change sign-in providers',
  'contracts:read': 'See which contracts are open and who uses them',
  'contracts:write': 'Open and close contracts',
  'audit:read': 'Search and export the audit',
  'webhooks:read': 'See webhooks and their deliveries',
  'webhooks:write': 'Create and change webhooks, replay deliveries',
  'mail:read': 'See waiting and failed mail',
  'mail:write': 'Resend mail and change its templates',
  'api-keys:read': 'See API keys',
  'api-keys:write': 'Create and revoke API keys',
  'registration-tokens:read': 'See registration tokens',
  'registration-tokens:write': 'Create and revoke registration tokens',
  'branding:write': 'Change the look and the texts of the pages',
  'keys:read': 'See signing keys',
  'keys:write': 'Rotate and retire signing keys',
  'settings:read': 'See the settings in force and the health of the service',
  'settings:write': 'Change settings and custom attributes',
  'scim:write': 'Create and revoke SCIM tokens, with which a directory manages people and groups',
} as const satisfies Record<string, string>;

export type Permission = keyof typeof PERMISSIONS;

/** Of all permissions, in their order. */
export const ALL_PERMISSIONS = Object.keys(PERMISSIONS) as Permission[];

export const isPermission = (name: string): name is Permission => Object.hasOwn(PERMISSIONS, name);

/** Expands permissions by what they imply: `:write` includes `:read` of its noun. */
export function withIncluded(permissions: Iterable<Permission>): Set<Permission> {
  const all = new Set(permissions);
  for (const permission of all) {
    const included = permission.replace(/:write$/, ':read');
    if (isPermission(included)) all.add(included);
  }
  return all;
}

/**
 * The permissions that `held`, implied ones included, lacks. Empty when a holder of `held` may grant all of
 * `permissions`.
 */
export function lacking(held: Iterable<Permission>, permissions: Iterable<Permission>): Permission[] {
  const all = withIncluded(held);
  return [...withIncluded(permissions)].filter((permission) => !all.has(permission));
}

interface BuiltInRole {
  description: string;
  permissions: readonly Permission[];
}

/** The role that administers accounts at the contracts, as permissions. */
export const CONTRACT_ADMIN: { role: string; permissions: readonly Permission[] } = {
  role: 'admin',
  permissions: ['users:read', 'users:write', 'users:credentials', 'users:delete'],
};

/** The role with every permission, including those of later versions. */
export const OWNER = 'owner';

/** Built-in roles, which cannot be changed. */
export const BUILT_IN_ROLES: Readonly<Record<string, BuiltInRole>> = {
  [OWNER]: { description: 'Everything', permissions: ALL_PERMISSIONS },
  administrator: {
    description: 'Everything but settings and viewing as another person',
    permissions: ALL_PERMISSIONS.filter((name) => name !== 'users:impersonate' && name !== 'settings:write'),
  },
  support: {
    description: 'Helps people: profiles, factors, sessions',
    permissions: [
      'users:read',
      'users:write',
      'users:credentials',
      'sessions:read',
      'sessions:write',
      'groups:read',
      'clients:read',
      'mail:read',
    ],
  },
  developer: {
    description: 'Connects apps and APIs',
    permissions: [
      'roles:read',
      'clients:read',
      'clients:write',
      'apis:read',
      'apis:write',
      'upstreams:read',
      'contracts:read',
      'registration-tokens:read',
      'registration-tokens:write',
    ],
  },
  auditor: {
    description: 'Sees everything, changes nothing',
    permissions: ALL_PERMISSIONS.filter((name) => name.endsWith(':read')),
  },
};
