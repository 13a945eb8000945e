import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../../core/errors.ts';
import { isUuid } from '../../core/ids.ts';
import type { AuditRecord, AuditType } from '../../storage/audit.ts';
import type { AuditSearch } from '../../storage/audit-search.ts';
import { PROFILE_FIELDS } from '../users/profile-fields.ts';
import type { AttributeSchemaInput } from '../../config/attributes.ts';
import type { Attributes } from '../attributes/index.ts';
import type { ApiAdmin } from '../apis.ts';
import type { ClientAdmin } from '../clients.ts';
import type { ContractDoors } from '../contract-doors.ts';
import type { UpstreamAdmin } from '../upstream-admin.ts';
import type { ManagedAccounts } from './accounts.ts';
import type { Assignments } from './assignments.ts';
import type { AuditItem, AuditLog } from './audit-log.ts';
import type { BrandingService } from './branding.ts';
import type { Groups } from './groups.ts';
import type { OperatorMail } from './mail.ts';
import { type Expected, type Operator, requirePermission } from './operator.ts';
import type { People } from './people.ts';
import type { Permission } from './permissions.ts';
import type { Roles } from './roles.ts';
import type { OperatorSettings } from './settings.ts';
import type { Webhooks } from './webhooks.ts';

type Values = Record<string, unknown>;

/** Undoes changes by their event: with a new change, the operator's own permissions and a new event. */
export interface PutBack {
  /** Whether the change of an event can be undone, and the operator has the required permission. */
  isOffered(operator: Operator, id: string): Promise<boolean>;
  /**
   * The current values of the changed fields, in the form of the event.
   * @throws DomainError insufficient_scope, not_found, not_reversible, and what reading the resource throws.
   */
  current(operator: Operator, id: string): Promise<Values>;
  /**
   * Restores the fields of an event to their earlier values. @returns the event of the new change, which refers to
   * this one.
   * @throws DomainError as `current`; precondition_failed when a field was changed since; what the change throws.
   */
  putBack(operator: Operator, id: string): Promise<AuditItem>;
}

interface Dependencies {
  auditSearch: Pick<AuditSearch, 'find'>;
  auditLog: Pick<AuditLog, 'findAnswer'>;
  people: Pick<People, 'find'>;
  managedAccounts: Pick<ManagedAccounts, 'update' | 'suspend' | 'reactivate'>;
  assignments: Pick<Assignments, 'setRoles'>;
  roles: Pick<Roles, 'find' | 'update'>;
  groups: Pick<Groups, 'find' | 'update' | 'add' | 'removeMember' | 'isMember'>;
  clients: Pick<ClientAdmin, 'find' | 'update' | 'setEnabled'>;
  apis: Pick<ApiAdmin, 'find' | 'update'>;
  upstreams: Pick<UpstreamAdmin, 'find' | 'update'>;
  webhooks: Pick<Webhooks, 'find' | 'update'>;
  operatorMail: Pick<OperatorMail, 'templates' | 'write' | 'overriddenTexts'>;
  contractDoors: Pick<ContractDoors, 'find' | 'set'>;
  settings: Pick<OperatorSettings, 'list' | 'update'>;
  branding: Pick<BrandingService, 'showAsAudited' | 'restore'>;
  attributes: Pick<Attributes, 'find' | 'update'>;
  asOne<T>(work: () => Promise<T>): Promise<T>;
}

/** One kind of change. */
interface Matter {
  /** Whether a field is restored; every field by default. */
  takes?: (field: string) => boolean;
  /** The resource in audited form, with its version if it has one. */
  read(operator: Operator, event: AuditRecord): Promise<{ now: object; version?: number }>;
  /** @param earlier values of the changed fields; null where there was none. */
  write(operator: Operator, event: AuditRecord, values: Values, expected?: Expected): Promise<unknown>;
}

/** The requirements for changes of each noun. */
const PERMISSIONS: Readonly<Record<string, Permission>> = {
  user: 'users:write',
  role: 'roles:write',
  group: 'groups:write',
  client: 'clients:write',
  api: 'apis:write',
  upstream: 'upstreams:write',
  webhook: 'webhooks:write',
  contract: 'contracts:write',
  mail_template: 'mail:write',
  settings: 'settings:write',
  branding: 'branding:write',
  attributes: 'settings:write',
};

/** Authentication settings of a client: a removed key or secret may have leaked. */
const CREDENTIAL = /jwks|secret|auth_method|auth_signing|tls_client|certificate|registration/;

/** The JSON form; undefined becomes null. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

const ordered = (value: unknown): unknown =>
  Array.isArray(value) && value.every((one) => typeof one === 'string') ? value.toSorted() : value;

const isSame = (one: unknown, other: unknown): boolean =>
  isDeepStrictEqual(ordered(plain(one)), ordered(plain(other)));

const objectOf = (value: unknown): Values | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Values) : null;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** For a schema or another whole value. */
const WHOLE = new Set<AuditType>(['attributes.updated']);
const MEMBERSHIP = new Set<AuditType>(['group.member_added', 'group.member_removed']);

/** The changed fields of an event, before and after. */
function changeOf({
  type,
  details,
}: Pick<AuditRecord, 'type' | 'details'>): { before: Values; after: Values } | null {
  if (MEMBERSHIP.has(type))
    return {
      before: { member: type !== 'group.member_added' },
      after: { member: type === 'group.member_added' },
    };
  const [before, after] = [objectOf(details['before']), objectOf(details['after'])];
  if (!before || !after || Object.keys(after).length === 0) return null;
  if (WHOLE.has(type)) return { before: { schema: before }, after: { schema: after } };
  return {
    before: Object.fromEntries(Object.keys(after).map((field) => [field, before[field] ?? null])),
    after,
  };
}

const USERS_FIELDS = new Set([
  ...PROFILE_FIELDS.map(({ name }) => name),
  'username',
  'address',
  'roles',
  // It is removed with the number, and not restored with it.
  'phoneNumberVerifiedAt',
]);
const ATTRIBUTE = 'attributes.';

/** Fields of an account in the form of changes. @param address the current one: its parts are merged. */
function profileOf({ phoneNumberVerifiedAt: _derived, ...values }: Values, address: object | null): Values {
  const fields = Object.entries(values);
  const attributes = fields.filter(([field]) => field.startsWith(ATTRIBUTE));
  const former = objectOf(values['address']);
  return {
    ...Object.fromEntries(fields.filter(([field]) => !field.startsWith(ATTRIBUTE))),
    ...(former && { address: { ...nulls(address ?? {}), ...former } }),
    ...(attributes.length > 0 && {
      attributes: Object.fromEntries(
        attributes.map(([field, value]) => [field.slice(ATTRIBUTE.length), value]),
      ),
    }),
  };
}

const nulls = (values: object): Values =>
  Object.fromEntries(Object.keys(values).map((field) => [field, null]));

const only = (values: object, names: readonly string[]): Values =>
  Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));

export function createPutBack(services: Dependencies): PutBack {
  const standing: Matter = {
    takes: (field) => field === 'status',
    async read(operator, { subject }) {
      const { status, version } = await services.people.find(operator, subject ?? '');
      return { now: { status }, version };
    },
    write: (operator, { subject }, { status }, expected) =>
      services.managedAccounts[status === 'active' ? 'reactivate' : 'suspend'](operator, subject ?? '', {
        expected,
      }),
  };

  const enabling: Matter = {
    read: (operator, { clientId }) => services.clients.find(operator, clientId ?? '').then(asNow),
    write: (operator, { clientId }, { enabled }, expected) =>
      services.clients.setEnabled(operator, clientId ?? '', enabled === true, expected),
  };

  const membership: Matter = {
    async read(operator, { subject, details }) {
      return {
        now: { member: await services.groups.isMember(operator, textOf(details['group']), subject ?? '') },
      };
    },
    async write(operator, { subject, details }, { member }) {
      const act = member === true ? services.groups.add : services.groups.removeMember;
      if (!(await act(operator, textOf(details['group']), subject ?? '')))
        throw new DomainError('precondition_failed');
    },
  };

  const webhook: Matter = {
    async read(operator, { details }) {
      const { eventTypes, version, ...rest } = await services.webhooks.find(
        operator,
        textOf(details['webhook']),
      );
      return { now: { ...rest, event_types: eventTypes }, version };
    },
    write(operator, { details }, { event_types: eventTypes, ...values }, expected) {
      const changes = { ...values, ...(eventTypes ? { eventTypes: eventTypes as string[] } : {}) };
      return services.webhooks.update(operator, textOf(details['webhook']), changes, expected);
    },
  };

  const door: Matter = {
    async read(operator, { details }) {
      const { open, version } = await services.contractDoors.find(operator, textOf(details['contract']));
      return { now: { open }, version };
    },
    write: (operator, { details }, { open }, expected) =>
      services.contractDoors.set(operator, textOf(details['contract']), open === true, expected),
  };

  const matters: Partial<Record<AuditType, Matter>> = {
    'user.updated': {
      takes: (field) => USERS_FIELDS.has(field) || field.startsWith(ATTRIBUTE),
      async read(operator, { subject }) {
        const user = await services.people.find(operator, subject ?? '');
        const attributes = Object.entries(user.attributes).map(([name, value]) => [
          `${ATTRIBUTE}${name}`,
          value,
        ]);
        return { now: { ...user, ...Object.fromEntries(attributes) }, version: user.version };
      },
      write: (operator, { subject }, { roles, ...values }, expected) =>
        services.asOne(async () => {
          const id = subject ?? '';
          const changes = profileOf(values, (await services.people.find(operator, id)).address);
          const isProfile = Object.keys(changes).length > 0;
          if (isProfile) await services.managedAccounts.update(operator, id, changes, expected);
          // The first change locks the account and raises its version.
          if (Array.isArray(roles))
            await services.assignments.setRoles(operator, id, roles, isProfile ? undefined : expected);
        }),
    },
    'user.suspended': standing,
    'user.reactivated': standing,
    'role.updated': {
      read: (operator, { details }) => services.roles.find(operator, textOf(details['role'])).then(asNow),
      write: (operator, { details }, values, expected) =>
        services.roles.update(operator, textOf(details['role']), values, expected),
    },
    'group.updated': {
      takes: (field) => ['name', 'description', 'roles'].includes(field),
      read: (operator, { details }) => services.groups.find(operator, textOf(details['group'])).then(asNow),
      write: (operator, { details }, values, expected) =>
        services.groups.update(operator, textOf(details['group']), values, expected),
    },
    'group.member_added': membership,
    'group.member_removed': membership,
    'client.updated': {
      takes: (field) => !CREDENTIAL.test(field),
      async read(operator, { clientId }) {
        const { name, roles, metadata, version } = await services.clients.find(operator, clientId ?? '');
        return { now: { ...metadata, name, roles }, version };
      },
      write(operator, { clientId }, { name, roles, ...metadata }, expected) {
        const changes = {
          ...(name === undefined ? {} : { name: textOf(name) }),
          ...(roles === undefined ? {} : { roles: roles as string[] }),
          metadata,
        };
        return services.clients.update(operator, clientId ?? '', changes, expected);
      },
    },
    'client.enabled': enabling,
    'client.disabled': enabling,
    'api.updated': {
      read: (operator, { details }) =>
        services.apis.find(operator, textOf(details['identifier'])).then(asNow),
      write: (operator, { details }, values, expected) =>
        services.apis.update(operator, textOf(details['identifier']), values, expected),
    },
    'upstream.updated': {
      takes: (field) => !/secret/i.test(field),
      read: (operator, { details }) => services.upstreams.find(operator, textOf(details['id'])).then(asNow),
      write: (operator, { details }, values, expected) =>
        services.upstreams.update(operator, textOf(details['id']), values, expected),
    },
    'webhook.updated': webhook,
    'webhook.enabled': webhook,
    'webhook.disabled': webhook,
    'contract.opened': door,
    'contract.closed': door,
    'mail_template.updated': {
      async read(operator, { details }) {
        const { texts, version } = await services.operatorMail.overriddenTexts(
          operator,
          textOf(details['language']),
        );
        return { now: texts, version };
      },
      async write(operator, { details }, values, expected) {
        const [template, language] = [textOf(details['template']), textOf(details['language'])];
        const texts = Object.fromEntries(
          Object.entries(values).map(([key, text]) => [
            key.startsWith(`${template}.`) ? key.slice(template.length + 1) : key,
            typeof text === 'string' ? text : null,
          ]),
        );
        return services.operatorMail.write(operator, { template, language, texts }, expected);
      },
    },
    'settings.updated': {
      async read(operator) {
        const { items, version } = await services.settings.list(operator);
        return { now: Object.fromEntries(items.map(({ key, value }) => [key, value])), version };
      },
      write(operator, { details: { unset } }, values, expected) {
        const configured = Array.isArray(unset)
          ? Object.fromEntries(unset.map((key) => [String(key), null]))
          : {};
        return services.settings.update(operator, { ...values, ...configured }, expected);
      },
    },
    'branding.updated': {
      read: () => services.branding.showAsAudited(),
      write: (operator, _event, values, expected) => services.branding.restore(operator, values, expected),
    },
    'attributes.updated': {
      async read(operator) {
        const { schema, version } = await services.attributes.find(operator);
        return { now: { schema }, version };
      },
      write: (operator, _event, { schema }, expected) =>
        services.attributes.update(operator, schema as AttributeSchemaInput, expected),
    },
  };

  /** How to undo an event's change; null when that is impossible. */
  const offerOf = (event: Pick<AuditRecord, 'type' | 'details'>) => {
    const matter = matters[event.type];
    const change = changeOf(event);
    if (!matter || !change || 'secret' in event.details) return null;
    const { takes = () => true } = matter;
    return Object.keys(change.after).every(takes) ? { matter, ...change } : null;
  };

  const open = async (operator: Operator, id: string) => {
    requirePermission(operator, 'audit:read');
    const event = isUuid(id) ? await services.auditSearch.find(id) : null;
    if (!event) throw new DomainError('not_found');
    const offer = offerOf(event);
    if (!offer) throw new DomainError('not_reversible');
    const { now, version } = await offer.matter.read(operator, event);
    return { event, ...offer, now: only(now, Object.keys(offer.after)), version };
  };

  return {
    async isOffered({ permissions }, id) {
      const event = isUuid(id) ? await services.auditSearch.find(id) : null;
      const offer = event && offerOf(event);
      if (!event || !offer) return false;
      const fields = Object.keys(offer.after);
      const ofRoles = event.type === 'user.updated' && fields.includes('roles');
      const needed: Permission[] = [
        ...(ofRoles ? (['roles:write'] as const) : []),
        ...(ofRoles && fields.length === 1 ? [] : [PERMISSIONS[event.type.split('.', 1)[0]!]!]),
      ];
      return needed.every((permission) => permissions.has(permission));
    },
    async current(operator, id) {
      const { now, after } = await open(operator, id);
      return Object.fromEntries(Object.keys(after).map((field) => [field, plain(now[field])]));
    },
    async putBack(operator, id) {
      const { event, matter, before, after, now, version } = await open(operator, id);
      if (Object.keys(after).some((field) => !isSame(now[field], after[field])))
        throw new DomainError('precondition_failed');
      const acting = { ...operator, actor: { ...operator.actor, putsBack: event.id } };
      await matter.write(acting, event, before, version === undefined ? undefined : [version]);
      return (await services.auditLog.findAnswer(operator, event.id))!;
    },
  };
}

const asNow = <T extends { version: number }>(now: T) => ({ now, version: now.version });
