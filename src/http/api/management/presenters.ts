/** Presenters for operators. Only the fields listed here leave the server. */
import type { z } from 'zod';
import type { Group } from '../../../domain/operators/groups.ts';
import type { Listed } from '../../../domain/operators/lists.ts';
import type { Role } from '../../../domain/operators/roles.ts';
import type { User } from '../../../domain/users/index.ts';
import type { ApiServices } from '../operation.ts';
import { profileOf } from '../profile.ts';
import { etagOf } from '../versions.ts';
import type * as schemas from './schemas.ts';

export const userOf = (
  user: User,
  { attributes }: Pick<ApiServices, 'attributes'>,
): z.infer<typeof schemas.User> => ({
  ...profileOf(user, user.id, attributes.shown(user.attributes, 'operator')),
  number: user.number,
  // Deleted accounts are not shown, so two statuses remain.
  status: user.status === 'suspended' ? 'suspended' : 'active',
  roles: user.roles,
  group_roles: user.groupRoles,
  source: user.source,
  external_id: user.externalId,
  password_change_required: user.passwordChangeRequired,
  deletes_at: user.deletesAt?.toISOString() ?? null,
  version: user.version,
});

/** The changes of a role as posted. */
export const roleChanges = <T extends z.infer<typeof schemas.RoleChanges>>({ scopes, ...changes }: T) => ({
  ...changes,
  ...(scopes && { scopes: Object.fromEntries(scopes.map((one) => [one.api, one.scopes])) }),
});

export const roleOf = ({ builtIn, scopes, ...role }: Role): z.infer<typeof schemas.Role> => ({
  ...role,
  scopes: Object.entries(scopes).map(([api, names]) => ({ api, scopes: names })),
  built_in: builtIn,
});

export const groupOf = (group: Group): z.infer<typeof schemas.Group> => ({
  id: group.id,
  name: group.name,
  description: group.description,
  roles: group.roles,
  source: group.source,
  external_id: group.externalId,
  created_at: group.createdAt.toISOString(),
  updated_at: group.updatedAt.toISOString(),
  version: group.version,
});

/** A page of a list. */
export const pageOf = <T, U>({ items, nextCursor }: Listed<T>, present: (item: T) => U) => ({
  items: items.map(present),
  next_cursor: nextCursor,
});

/** A reply with a resource and its entity tag. */
export const resource = <T extends { version: number }>(status: number, body: T, location?: string) => ({
  status,
  body,
  headers: { ETag: etagOf(body.version), ...(location === undefined ? {} : { Location: location }) },
});
