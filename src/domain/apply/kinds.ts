/** The kinds of resources in a configuration file, each applied by the operators' use cases. */
import type { AttributeSchemaInput } from '../../config/attributes.ts';
import type { ApiAdmin, ApiChanges } from '../apis.ts';
import type { Attributes } from '../attributes/index.ts';
import type { ClientAdmin } from '../clients.ts';
import type { BrandingService } from '../operators/branding.ts';
import type { Groups } from '../operators/groups.ts';
import type { Listed } from '../operators/lists.ts';
import type { Expected, Operator } from '../operators/operator.ts';
import type { Roles } from '../operators/roles.ts';
import type { Webhooks } from '../operators/webhooks.ts';
import type { UpstreamAdmin, UpstreamChanges } from '../upstream-admin.ts';
import { mergePatch } from './merge-patch.ts';

/** The fields of a resource in a file, named as in the API. */
export type Fields = Record<string, unknown>;

/** The current state of a resource. */
export interface Existing {
  /** Its name in files. */
  id: string;
  /** The use case's name of the field, where it differs. */
  key: string;
  /** Whether a file would refer to its secret. */
  hasSecret?: boolean;
  /** Everything that a file could contain of it, without secrets. */
  fields: Fields;
  version: number;
}

/** How resources of a kind are read and changed. */
export interface Kind {
  name: KindName;
  /** The field that identifies a resource; null where there is only one. */
  idField: string | null;
  /** The field with the secret, given by reference. */
  secretField?: string;
  /** Whether the secret is given on creation, and changed by its own command. */
  isSecretFixed?: boolean;
  /** Fields whose order has no meaning. */
  sets: readonly string[];
  read(by: Operator): Promise<Existing[]>;
  create(by: Operator, fields: Fields, secret: string | undefined): Promise<unknown>;
  /** @param changes null resets a field that the file no longer sets. @param expected undefined after our own change. */
  update(
    by: Operator,
    existing: Existing,
    changes: Fields,
    secret: string | undefined,
    expected: Expected | undefined,
  ): Promise<unknown>;
  remove(by: Operator, existing: Existing): Promise<unknown>;
}

export const KIND_NAMES = [
  'apis',
  'roles',
  'groups',
  'clients',
  'upstreams',
  'webhooks',
  'attributes',
  'branding',
] as const;
export type KindName = (typeof KIND_NAMES)[number];

export interface KindServices {
  apis: ApiAdmin;
  roles: Roles;
  groups: Groups;
  clients: ClientAdmin;
  upstreams: UpstreamAdmin;
  webhooks: Pick<Webhooks, 'list' | 'create' | 'update' | 'remove'>;
  attributes: Attributes;
  branding: Pick<BrandingService, 'show' | 'update'>;
}

const PAGE_SIZE = 100;

/** All pages of a list. */
async function allOf<T>(page: (cursor: string | undefined) => Promise<Listed<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const { items: more, nextCursor } = await page(cursor);
    items.push(...more);
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

/** Names of the file's fields and of the use cases', and the defaults for fields that the file no longer sets. */
type Names = Record<string, readonly [name: string, byDefault: unknown]>;

/** The file's fields under the names of the use case. */
function named<T>(names: Names, fields: Fields): T {
  const known = Object.entries(fields).filter(([field]) => Object.hasOwn(names, field));
  return Object.fromEntries(
    known.map(([field, value]) => {
      const [name, byDefault] = names[field]!;
      return [name, value ?? byDefault];
    }),
  ) as T;
}

/** Converts a use case's resource to fields of the file. Null fields are left out. */
const fieldsOf = (names: Names, values: object): Fields =>
  Object.fromEntries(
    Object.entries(names).flatMap(([field, [name]]) => {
      const value = (values as Fields)[name];
      return value === null || value === undefined ? [] : [[field, value]];
    }),
  );

const API: Names = {
  name: ['name', undefined],
  scopes: ['scopes', []],
  access_token_format: ['accessTokenFormat', 'jwt'],
  access_token_ttl: ['accessTokenTtl', null],
  signing_alg: ['signingAlg', 'ES256'],
  token_type_header: ['tokenTypeHeader', 'at+jwt'],
  enforce_roles: ['enforceRoles', false],
  dynamic_clients: ['dynamicClients', false],
  default_scopes: ['defaultScopes', null],
};

const UPSTREAM: Names = {
  name: ['name', undefined],
  issuer: ['issuer', null],
  endpoints: ['endpoints', null],
  claims: ['claims', null],
  client_id: ['clientId', undefined],
  scopes: ['scopes', null],
  logo: ['logo', null],
  trust_email: ['trustEmail', false],
  enabled: ['enabled', true],
};

const WEBHOOK: Names = {
  description: ['description', ''],
  event_types: ['eventTypes', ['*']],
  enabled: ['enabled', true],
};

/** `[{api, scopes}]` of a file, in the form of roles. */
const scopesOf = (scopes: unknown): Record<string, string[]> =>
  Object.fromEntries(
    ((scopes ?? []) as { api: string; scopes: string[] }[]).map((one) => [one.api, one.scopes]),
  );

const EVENT_CLAIMS = { subject: 'sub', email: 'email', name: 'name', username: 'preferred_username' };
const CLAIMS = { ...EVENT_CLAIMS, emailVerified: 'email_verified' };

/** A provider's claims that differ from the defaults. */
const unusual = (claims: Record<string, string>) => {
  const custom = Object.entries(claims).filter(
    ([name, value]) => value !== (CLAIMS as Record<string, string>)[name],
  );
  return custom.length > 0 ? Object.fromEntries(custom) : undefined;
};

/** In order of creation: what refers to others comes after them. */
export function createKinds(services: KindServices): Kind[] {
  const { apis, roles, groups, clients, upstreams, webhooks, attributes, branding } = services;
  return [
    {
      name: 'apis',
      idField: 'identifier',
      sets: ['scopes', 'default_scopes'],
      async read(by) {
        const all = await allOf((cursor) => apis.list(by, { limit: PAGE_SIZE, cursor }));
        return all.map((api) => ({
          id: api.identifier,
          key: api.identifier,
          fields: fieldsOf(API, api),
          version: api.version,
        }));
      },
      create: (by, { identifier, ...fields }) =>
        apis.create(by, {
          identifier: String(identifier),
          name: String(identifier),
          ...named<ApiChanges>(API, fields),
        }),
      update: (by, { key }, changes, _secret, expected) =>
        apis.update(by, key, named<ApiChanges>(API, changes), expected),
      remove: (by, { key }) => apis.remove(by, key),
    },
    {
      name: 'roles',
      idField: 'name',
      sets: ['permissions'],
      async read(by) {
        const all = (await roles.list(by)).filter(({ builtIn }) => !builtIn);
        return all.map(({ name, description, permissions, scopes, version }) => ({
          id: name,
          key: name,
          fields: {
            description,
            permissions,
            scopes: Object.entries(scopes).map(([api, names]) => ({ api, scopes: names })),
          },
          version,
        }));
      },
      create: (by, { name, scopes, ...fields }) =>
        roles.create(by, { ...fields, name: String(name), scopes: scopesOf(scopes) }),
      update: (by, { key }, { description, permissions, scopes }, _secret, expected) =>
        roles.update(
          by,
          key,
          {
            ...(description === undefined ? {} : { description: (description ?? '') as string }),
            ...(permissions === undefined ? {} : { permissions: (permissions ?? []) as string[] }),
            ...(scopes === undefined ? {} : { scopes: scopesOf(scopes) }),
          },
          expected,
        ),
      remove: (by, { key }) => roles.remove(by, key),
    },
    {
      name: 'groups',
      idField: 'name',
      sets: ['roles'],
      async read(by) {
        const all = await allOf((cursor) => groups.list(by, { limit: PAGE_SIZE, cursor }));
        // Directories manage the other groups.
        return all
          .filter(({ source }) => source === null)
          .map(({ id, name, description, roles: names, version }) => ({
            id: name,
            key: id,
            fields: { description, roles: names },
            version,
          }));
      },
      create: (by, { name, ...fields }) => groups.create(by, { ...fields, name: String(name) }),
      update: (by, { key }, { description, roles: names }, _secret, expected) =>
        groups.update(
          by,
          key,
          {
            ...(description === undefined ? {} : { description: (description ?? '') as string }),
            ...(names === undefined ? {} : { roles: (names ?? []) as string[] }),
          },
          expected,
        ),
      remove: (by, { key }) => groups.remove(by, key),
    },
    clientKind(clients),
    {
      name: 'upstreams',
      idField: 'id',
      secretField: 'client_secret',
      sets: ['scopes'],
      async read(by) {
        const all = (await upstreams.list(by)).filter(({ configured }) => !configured);
        return all.map(({ claims, ...upstream }) => ({
          id: upstream.id,
          key: upstream.id,
          hasSecret: true,
          fields: fieldsOf(UPSTREAM, { ...upstream, claims: unusual(claims) }),
          version: upstream.version,
        }));
      },
      create: (by, { id, ...fields }, clientSecret) =>
        upstreams.create(
          by,
          { id: String(id), ...named<UpstreamChanges>(UPSTREAM, fields), clientSecret },
          // A file does not test the connection: `postern upstream test` does.
          { untested: true },
        ),
      update: (by, { key }, changes, clientSecret, expected) =>
        upstreams.update(
          by,
          key,
          {
            ...named<UpstreamChanges>(UPSTREAM, changes),
            ...(clientSecret === undefined ? {} : { clientSecret }),
          },
          expected,
        ),
      remove: (by, { key }) => upstreams.remove(by, key),
    },
    {
      name: 'webhooks',
      idField: 'url',
      secretField: 'secret',
      isSecretFixed: true,
      sets: ['event_types'],
      async read(by) {
        const all = await allOf((cursor) => webhooks.list(by, { limit: PAGE_SIZE, cursor }));
        return all.map((webhook) => ({
          id: webhook.url,
          key: webhook.id,
          hasSecret: true,
          fields: fieldsOf(WEBHOOK, webhook),
          version: webhook.version,
        }));
      },
      create: (by, { url, ...fields }, secret) =>
        webhooks.create(by, { url: String(url), secret, ...named<object>(WEBHOOK, fields) }),
      update: (by, { key }, changes, _secret, expected) =>
        webhooks.update(by, key, named<object>(WEBHOOK, changes), expected),
      remove: (by, { key }) => webhooks.remove(by, key),
    },
    {
      name: 'attributes',
      idField: null,
      sets: [],
      async read(by) {
        const { schema, configured, version } = await attributes.find(by);
        if (configured || Object.keys(schema.properties).length === 0) return [];
        return [{ id: 'accounts', key: 'accounts', fields: { schema }, version }];
      },
      create: (by, { schema }) => attributes.update(by, schema as AttributeSchemaInput),
      update: (by, _existing, { schema }, _secret, expected) =>
        attributes.update(by, schema as AttributeSchemaInput, expected),
      remove: (by) => attributes.update(by, { type: 'object', properties: {} }),
    },
    {
      name: 'branding',
      idField: null,
      sets: [],
      async read() {
        const { content, version } = await branding.show();
        if (Object.keys(content).length === 0) return [];
        return [{ id: 'branding', key: 'branding', fields: { ...content }, version }];
      },
      create: (by, fields) => branding.update(by, fields),
      update: (by, { fields }, changes, _secret, expected) =>
        branding.update(by, mergePatch(fields, changes), expected),
      remove: (by, { fields }) => branding.update(by, mergePatch(fields, {}, Object.keys(fields))),
    },
  ];
}

/** Seconds that a client's former secret stays valid beside a new one from its file. */
const OVERLAP = 86_400;

function clientKind(clients: ClientAdmin): Kind {
  const PUBLIC = 'none';
  return {
    name: 'clients',
    idField: 'client_id',
    secretField: 'client_secret',
    sets: ['redirect_uris', 'grant_types', 'roles', 'post_logout_redirect_uris'],
    async read(by) {
      const all = await allOf((cursor) => clients.list(by, { limit: PAGE_SIZE, cursor }));
      return all.map(({ id, name, metadata, roles, enabled, version }) => {
        const isPublic = metadata['token_endpoint_auth_method'] === PUBLIC;
        return { id, key: id, fields: { name, ...metadata, roles, enabled, public: isPublic }, version };
      });
    },
    async create(by, { client_id, name, public: isPublic, roles, enabled, ...metadata }, secret) {
      const id = String(client_id);
      await clients.create(by, {
        id,
        secret,
        name: (name ?? id) as string,
        isPublic: isPublic === true,
        roles: roles as string[] | undefined,
        metadata,
      });
      if (enabled === false) await clients.setEnabled(by, id, false);
    },
    async update(by, { key }, changes, secret, expected) {
      const { name, public: isPublic, roles, enabled, ...metadata } = changes;
      const methods: Fields =
        isPublic === undefined ? {} : { token_endpoint_auth_method: isPublic === true ? PUBLIC : null };
      const content = {
        ...(name === undefined ? {} : { name: (name ?? key) as string }),
        ...(roles === undefined ? {} : { roles: (roles ?? []) as string[] }),
        metadata: { ...methods, ...metadata },
      };
      const isContent = Object.keys(changes).some((field) => field !== 'enabled');
      if (isContent) await clients.update(by, key, content, expected);
      if (enabled !== undefined) await clients.setEnabled(by, key, enabled !== false);
      if (secret !== undefined) await clients.rotateSecret(by, key, { overlap: OVERLAP, secret });
    },
    remove: (by, { key }) => clients.remove(by, key),
  };
}
