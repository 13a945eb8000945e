import { z } from 'zod';
import { attributeSchema } from '../../../config/attributes.ts';
import { NAME_FORM } from '../../../domain/identifiers.ts';
import { FACTOR_FILTERS } from '../../../domain/operators/people.ts';
import { PERMISSIONS, type Permission } from '../../../domain/operators/permissions.ts';
import { ROLE_NAME } from '../../../domain/operators/roles.ts';
import { EMAIL_FORM } from '../../../core/email-address.ts';
import * as items from '../items.ts';
import { digits, limit } from '../lists.ts';
import { Profile, ProfileChanges } from '../profile.ts';
import { issuedSecret, newPassword, text } from '../../endpoints/text.ts';

export const moment = z.iso.datetime();

export const PermissionName = z.enum(Object.keys(PERMISSIONS) as [Permission, ...Permission[]]);

/** A parameter that may be repeated: any of its values may match. */
export const oneOf = <T extends z.ZodType<string>>(item: T, description: string) =>
  z
    .preprocess(
      (value) => (value === undefined ? undefined : [value].flat()),
      z.array(item).max(100).optional(),
    )
    .describe(`${description}; if repeated, any of them`);

export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
export const time = (description: string) =>
  z.iso
    .datetime({ offset: true })
    .transform((value) => new Date(value))
    .optional()
    .describe(description);

/** Selects a page of a list. */
export const page = <const Sorts extends readonly [string, ...string[]]>(sorts: Sorts) => {
  type Sort = Sorts[number] | `-${Sorts[number]}`;
  const all = sorts.flatMap((sort) => [sort, `-${sort}`]) as [Sort, ...Sort[]];
  return {
    sort: z.enum(all).optional().describe('Sort key; prefix with - for descending'),
    limit,
    cursor: z
      .string()
      .describe('`next_cursor` of the previous page, with the same filters and sort')
      .optional(),
  };
};

export const listOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({
    items: z.array(item),
    next_cursor: z.string().nullable().describe('null on the last page'),
  });

export const version = z.int().describe('The version in the ETag');

export const User = z.strictObject({
  ...Profile.shape,
  id: z.uuid(),
  number: z.int(),
  status: z.enum(['active', 'suspended']),
  roles: z.array(z.string()).describe('Roles assigned directly'),
  group_roles: z.array(z.string()).describe('Roles of its groups'),
  source: z.string().nullable().describe('The directory that manages it; null if it is managed here'),
  external_id: z.string().nullable(),
  password_change_required: z.boolean().describe('Whether a new password is required at the next sign-in'),
  deletes_at: moment.nullable().describe('When it will be deleted; it is suspended until then'),
  version,
});
/** A single account. Lists lack these fields, which take another query. */
export const UserWithOrigins = User.extend({
  origins: items.Origins,
  locked_until: moment
    .nullable()
    .describe('Until when sources and browsers unknown to the account are locked out, after wrong guesses'),
});
const userFilters = {
  search: text(
    'Part of an address or a name, with fewer than three characters its beginning; an id; a number',
  )
    .max(200)
    .optional(),
  status: oneOf(z.enum(['active', 'suspended']), 'The status'),
  role: oneOf(text('The name of a role'), 'Assigned directly or by a group'),
  group: oneOf(z.uuid(), 'The id of a group'),
  factor: oneOf(z.enum(FACTOR_FILTERS), 'A factor besides the password'),
  email_verified: flag.optional(),
  door: oneOf(text('The name of a contract'), 'A contract that the account was used at'),
  created_after: time('Start, inclusive'),
  created_before: time('End, exclusive'),
  last_login_after: time('Start, inclusive'),
  last_login_before: time('End, exclusive'),
};

const ATTRIBUTE = 'attributes.';

/** The `attributes.<name>` parameters of a query, each with its values. */
export const attributeFilters = (query: Record<string, unknown>): [name: string, texts: string[]][] =>
  Object.entries(query)
    .filter(([name]) => name.startsWith(ATTRIBUTE))
    .map(([name, value]) => [name.slice(ATTRIBUTE.length), [value].flat().slice(0, 100) as string[]]);

export type UserFilters = z.output<z.ZodObject<typeof userFilters>>;

/** The filters for people, including `attributes.<name>` for each attribute, and further parameters. */
const findingUsers = <const Shape extends z.ZodRawShape>(more: Shape) => {
  const known = z.looseObject({ ...userFilters, ...more });
  return known.superRefine((query, problems) => {
    const keys = Object.keys(query).filter(
      (name) => !Object.hasOwn(known.shape, name) && !name.startsWith(ATTRIBUTE),
    );
    if (keys.length > 0)
      problems.addIssue({
        code: 'unrecognized_keys',
        keys,
        input: query,
        message: `Unrecognized key: ${keys.join(', ')}`,
      });
  });
};
export const UserPage = findingUsers({
  count: flag.optional().describe('Whether to count all matches'),
  ...page(['created_at', 'last_login_at', 'email', 'number']),
});
export const Users = listOf(User).extend({
  count: z.int().optional().describe('With `count=true`; at most 1000'),
  count_capped: z.boolean().optional().describe('Whether there are more'),
});

export const USER_EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export const UserExport = findingUsers({
  format: z
    .enum(USER_EXPORT_FORMATS)
    .default('ndjson')
    .describe('One JSON object per line, or CSV with a header line'),
});

const email = text('The address of the account', EMAIL_FORM);
const emailVerified = z
  .boolean()
  .optional()
  .describe('Whether the address is known to be theirs; needs `users:credentials`');
export const NewUser = ProfileChanges.extend({
  email,
  email_verified: emailVerified,
  password: newPassword('Without one, the person sets a password by a link').optional(),
  roles: z
    .array(text('The name of a role'))
    .max(100)
    .optional()
    .describe('Default: `user`; needs `roles:write`'),
  invite: z
    .boolean()
    .optional()
    .describe('Whether to mail a link to choose a password; only without `password`'),
});
export const UserChanges = ProfileChanges.extend({
  email: email.optional(),
  email_verified: emailVerified,
  address: ProfileChanges.shape.address.describe(
    'Omitted members stay unchanged, too; null removes the address',
  ),
  deletes_at: z.null().optional().describe('null cancels a scheduled deletion; needs `users:delete`'),
});
const reason = text('Why, for the audit').max(500).optional();
export const Reason = z.strictObject({ reason }).optional();
export const ViewWish = z.strictObject({
  reason: text('Why, for the person and the audit').min(1).max(500),
  ask_first: z
    .boolean()
    .default(false)
    .describe('Whether to ask the person first, at /account/requests; repeat the request for the link'),
});
export const ViewLink = z.strictObject({
  id: z.uuid(),
  url: issuedSecret('Open it once, within a minute, in the browser where you are signed in'),
  expires_at: moment,
});
export const ViewAsked = z.strictObject({
  id: z.uuid(),
  expires_at: moment.describe('Until when the person can answer'),
});
export const Deletion = z.strictObject({
  after_days: z.preprocess(digits, z.int().min(0).max(365).default(0)).describe('0 deletes at once'),
  reason,
});
export const DeletionDue = z.strictObject({ deletes_at: moment });
export const EmailVerification = z
  .strictObject({
    verified: z
      .boolean()
      .default(false)
      .describe('Whether to mark it as verified; otherwise a link is mailed'),
  })
  .optional();
export const PasswordRenewal = z
  .strictObject({
    force: z
      .boolean()
      .default(false)
      .describe('Whether a new password is required at the next sign-in; no mail is sent'),
    password: newPassword('The new password, set at once; no link is mailed').optional(),
  })
  .optional();

const factor = { last_used_at: moment.nullable(), created_at: moment.nullable() };
const Factor = z.strictObject({
  id: z.string().describe('`recovery_codes` for the recovery codes'),
  kind: z.enum(['totp', 'passkey', 'recovery_codes']),
  name: z.string().nullable(),
  ...factor,
  backed_up: z.boolean().optional().describe('For a passkey: whether its provider keeps a backup'),
  left: z.int().optional().describe('For recovery codes: how many are left'),
});
export const Factors = listOf(Factor).extend({
  required: z.boolean().describe('Whether the account must have a second factor'),
  recovery_codes_left: z.int(),
});
export const Removed = z.strictObject({ removed: z.int() });
export const Ended = z.strictObject({ ended: z.int() });
const Session = items.Session.omit({ current: true });
export const Sessions = listOf(Session);
export const AllSessions = listOf(
  Session.extend({ user: z.strictObject({ id: z.uuid(), email: z.string(), name: z.string().nullable() }) }),
);
export const Apps = listOf(items.App);
export const Identities = listOf(items.Identity);
export const Events = listOf(items.Event);
export const Paging = z.strictObject({ limit, cursor: page(['at']).cursor });
export const UserData = items.Data.extend({ account: User });

const permissions = z.array(PermissionName).describe('Permissions at this API; `:write` includes `:read`');
const scopes = z
  .array(
    z.strictObject({ api: text('The identifier of the API'), scopes: z.array(text('A scope')).max(200) }),
  )
  .max(200)
  .describe('Scopes of APIs that enforce roles');

export const Role = z.strictObject({
  name: z.string(),
  description: z.string(),
  permissions,
  scopes,
  built_in: z.boolean().describe('Whether it comes with the service and cannot be changed'),
  version,
});
export const description = text('At most 500 characters').max(500);
export const RoleChanges = z.strictObject({
  description: description.optional(),
  permissions: permissions.optional(),
  scopes: scopes.optional(),
});
export const NewRole = RoleChanges.extend({
  name: z.string().meta({
    description: 'Lower-case letters, digits and _ . : -',
    pattern: ROLE_NAME.source,
    examples: ['helpdesk'],
  }),
});
export const Roles = listOf(Role);

export const RoleNames = z.strictObject({ roles: z.array(text('The name of a role')).max(100) });

export const Group = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  description: z.string(),
  roles: z.array(z.string()).describe('Roles of its members'),
  source: z.string().nullable().describe('The directory that manages it; null if it is managed here'),
  external_id: z.string().nullable(),
  created_at: moment,
  updated_at: moment,
  version,
});
const groupName = text('1 to 200 characters on one line', NAME_FORM);
export const GroupChanges = z.strictObject({
  name: groupName.optional(),
  description: description.optional(),
  roles: z.array(text('The name of a role')).max(100).optional(),
});
export const NewGroup = GroupChanges.extend({ name: groupName });
export const GroupPage = z.strictObject({
  search: text('Part of the name').max(200).optional(),
  role: text('The name of a role').optional(),
  source: text('The directory').optional(),
  member: z.uuid().describe('The id of an account').optional(),
  ...page(['name', 'created_at']),
});
export const Groups = listOf(Group);
export const Member = z.strictObject({ id: z.uuid(), email: z.string(), name: z.string().nullable() });
export const MemberPage = z.strictObject({ limit, cursor: page(['id']).cursor });
export const Members = listOf(Member);
export const GroupIds = z.strictObject({ groups: z.array(z.uuid()).max(1_000) });

export const ScimToken = z.strictObject({
  id: z.uuid(),
  name: z.string(),
  created_at: moment,
  expires_at: moment.nullable().describe('null if it is valid until it is deleted'),
  last_used_at: moment.nullable(),
});
export const ScimTokens = listOf(ScimToken);
export const MadeScimToken = ScimToken.extend({ token: issuedSecret('Shown only once') });
export const NewScimToken = z
  .strictObject({
    name: text('Its purpose', NAME_FORM).optional(),
    expires_at: z.iso
      .datetime({ offset: true })
      .transform((value) => new Date(value))
      .nullable()
      .optional()
      .describe('Default: until it is deleted'),
  })
  .optional();

export const Caller = z.strictObject({
  kind: z.enum(['user', 'client']),
  id: z.string(),
  permissions: z.array(PermissionName).describe('What both the token and the roles allow'),
});
export const Permissions = listOf(
  z.strictObject({ name: PermissionName, description: z.string(), includes: z.array(PermissionName) }),
);

export const Bulk = z.strictObject({
  operations: z
    .array(
      z.strictObject({
        id: text('Any id, repeated in its result').max(200).optional(),
        method: z.string().meta({ description: 'In upper or lower case', examples: ['PATCH'] }),
        path: z
          .string()
          .meta({ description: 'Relative to /api/v2, with the query', examples: ['/users/4711'] }),
        body: z.unknown().optional(),
        if_match: z.string().optional().describe('The ETag of the resource'),
      }),
    )
    .min(1)
    .max(100),
  atomic: z.boolean().default(false).describe('Whether a failed operation undoes the others'),
});
export const BulkResults = z.strictObject({
  results: z
    .array(z.strictObject({ id: z.string().nullable(), status: z.int(), body: z.unknown() }))
    .describe('In the order of the operations'),
});

export const userId = { id: text('The id of the account') };
export const factorIds = { ...userId, fid: text('The id of the factor, or `recovery_codes`') };
export const sessionIds = { ...userId, sid: text('The id of the session') };
export const appIds = { ...userId, client_id: text('The client_id of the app') };
export const identityIds = { ...userId, iid: text('The id of the identity') };
export const groupId = { id: text('The id of the group') };
export const memberIds = { ...groupId, uid: text('The id of the account') };
export const scimTokenId = { id: text('The id of the token') };
export const roleName = { name: text('The name of the role') };

export const AttributeDefinition = z.strictObject({
  schema: z
    .looseObject({})
    .describe(
      'A JSON Schema that also says who may see (read) and change (write) each attribute, and its scope',
    ),
  configured: z.boolean().describe('Whether it is set by the configuration, and cannot be changed here'),
  version,
});
export const AttributeDefinitionChange = z.strictObject({ schema: attributeSchema });
