/** The operations of SCIM (RFC 7644 section 3), alone and in bulk. */
import { DomainError } from '../../core/errors.ts';
import type { Expected, Operator } from '../../domain/operators/operator.ts';
import { ScimError } from '../../domain/scim/errors.ts';
import type { DirectoryGroups, DirectoryUsers, ListedResources, Shown } from '../../domain/scim/index.ts';
import { type ListQuery, readList } from '../../domain/scim/lists.ts';
import { readPatch } from '../../domain/scim/patch.ts';
import { GROUP_TYPE, type ResourceType } from '../../domain/scim/schema.ts';
import { isObject } from '../../domain/scim/values.ts';
import { resourceTypes, schemas, serviceProviderConfig } from './discovery.ts';
import { badSyntax } from './errors.ts';
import { etagOf, presented, versionsOf, type Wanted, wantedOf, wants } from './present.ts';

const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

export interface ScimServices {
  directoryUsers: DirectoryUsers;
  directoryGroups: DirectoryGroups;
}

/** A request, alone or as an operation in bulk. */
export interface ScimRequest {
  method: string;
  /** Below the base path, decoded: `Users`, an id. */
  segments: string[];
  query: Record<string, unknown>;
  body: unknown;
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
  operator: Operator;
}

export interface ScimReply {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

interface Collection {
  type(): ResourceType;
  /** Attributes returned only on request, because they take another query. */
  members: string;
  list(operator: Operator, query: ListQuery, whole: boolean): Promise<ListedResources>;
  find(operator: Operator, id: string, whole: boolean): Promise<Shown>;
  create(operator: Operator, body: unknown): Promise<Shown>;
  replace(operator: Operator, id: string, body: unknown, expected?: Expected): Promise<Shown>;
  patch(operator: Operator, id: string, body: unknown, expected?: Expected): Promise<Shown>;
  remove(operator: Operator, id: string, expected?: Expected): Promise<void>;
  /** Whether PATCH returns the resource by default: a group may have many members. */
  isSmall: boolean;
}

const notAllowed = (...allowed: string[]): never => {
  throw Object.assign(new DomainError('method_not_allowed'), { allowed });
};

const listReply = (resources: unknown[], total = resources.length, startIndex = 1): ScimReply => ({
  status: 200,
  body: {
    schemas: [LIST_SCHEMA],
    totalResults: total,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  },
});

const found = (resources: { id: string }[], id: string | undefined): ScimReply => {
  if (id === undefined) return listReply(resources);
  const one = resources.find((resource) => resource.id.toLowerCase() === id.toLowerCase());
  if (!one) throw new DomainError('not_found');
  return { status: 200, body: one };
};

export function createOperations({ directoryUsers, directoryGroups }: ScimServices, base: string) {
  const collections = new Map<string, Collection>([
    [
      'Users',
      {
        ...directoryUsers,
        members: 'groups',
        isSmall: true,
        patch: (operator, id, body, expected) =>
          directoryUsers.patch(operator, id, readPatch(directoryUsers.type(), body), expected),
      },
    ],
    [
      'Groups',
      {
        ...directoryGroups,
        type: () => GROUP_TYPE,
        members: 'members',
        isSmall: false,
        patch: (operator, id, body, expected) =>
          directoryGroups.patch(operator, id, readPatch(GROUP_TYPE, body), expected),
      },
    ],
  ]);

  const types = () => [...collections.values()].map(({ type }) => type());

  const show = (type: ResourceType, shown: Shown, wanted: Wanted, status = 200): ScimReply => {
    const etag = etagOf(shown.version);
    const location = `${base}${type.endpoint}/${shown.id}`;
    return {
      status,
      body: presented(type, shown, wanted, base),
      headers: { ETag: etag, ...(status === 201 && { Location: location }) },
    };
  };

  /** A page of one resource type, or of several in sequence (RFC 7644 section 3.4.2.1). */
  const list = async (all: Collection[], operator: Operator, input: Record<string, unknown>) => {
    const query = readList(input);
    const resources: unknown[] = [];
    let total = 0;
    for (const { type: typeNow, members, list: read } of all) {
      const type = typeNow();
      const wanted = wantedOf(input, type);
      const startIndex = Math.max(1, query.startIndex - total);
      const count = query.count - resources.length;
      const isBefore = query.startIndex > total;
      const page = await read(
        operator,
        { ...query, startIndex: isBefore ? startIndex : 1, count },
        wants(wanted, members),
      );
      total += page.total;
      resources.push(...page.items.map((shown) => presented(type, shown, wanted, base)));
    }
    return listReply(resources, total, query.startIndex);
  };

  const search = (all: Collection[], { method, operator, body }: ScimRequest): Promise<ScimReply> => {
    if (method !== 'POST') return notAllowed('POST');
    if (!isObject(body)) throw badSyntax('The body must be an object');
    return list(all, operator, body);
  };

  const inCollection = async (collection: Collection, request: ScimRequest): Promise<ScimReply> => {
    const { method, query, body, operator } = request;
    if (method === 'GET') return list([collection], operator, query);
    if (method !== 'POST') return notAllowed('GET', 'HEAD', 'POST');
    const type = collection.type();
    return show(type, await collection.create(operator, body), wantedOf(query, type), 201);
  };

  const onResource = async (
    collection: Collection,
    id: string,
    { method, query, body, operator, ifMatch, ifNoneMatch }: ScimRequest,
  ): Promise<ScimReply> => {
    const { members, isSmall } = collection;
    const type = collection.type();
    const wanted = wantedOf(query, type);
    const whole = wants(wanted, members);
    const expected = versionsOf(ifMatch);
    switch (method) {
      case 'GET': {
        const shown = await collection.find(operator, id, whole);
        const known = versionsOf(ifNoneMatch);
        const isKnown = known === '*' || known?.includes(shown.version);
        return isKnown
          ? { status: 304, headers: { ETag: etagOf(shown.version) } }
          : show(type, shown, wanted);
      }
      case 'PUT':
        return show(type, await collection.replace(operator, id, body, expected), wanted);
      case 'PATCH': {
        const shown = await collection.patch(operator, id, body, expected);
        if (isSmall) return show(type, shown, wanted);
        return wanted.only === null
          ? { status: 204, headers: { ETag: etagOf(shown.version) } }
          : show(type, await collection.find(operator, id, whole), wanted);
      }
      case 'DELETE':
        await collection.remove(operator, id, expected);
        return { status: 204 };
      default:
        return notAllowed('GET', 'HEAD', 'PUT', 'PATCH', 'DELETE');
    }
  };

  const discover = ({ method }: ScimRequest, reply: () => ScimReply): ScimReply =>
    method === 'GET' ? reply() : notAllowed('GET', 'HEAD');

  /**
   * Answers a request other than a bulk request.
   * @throws ScimError; DomainError.
   */
  return async (request: ScimRequest): Promise<ScimReply> => {
    const [name = '', id, ...more] = request.segments;
    if (more.length > 0) throw new DomainError('not_found');
    const collection = collections.get(name);
    if (collection && id === undefined) return inCollection(collection, request);
    if (collection && id === '.search') return search([collection], request);
    if (collection && id !== undefined) return onResource(collection, id, request);
    if (name === 'Schemas') return discover(request, () => found(schemas(types(), base), id));
    if (name === 'ResourceTypes') return discover(request, () => found(resourceTypes(types(), base), id));
    if (id !== undefined) throw new DomainError('not_found');
    if (name === 'ServiceProviderConfig')
      return discover(request, () => ({ status: 200, body: serviceProviderConfig(base) }));
    if (name === '.search') return search([...collections.values()], request);
    if (name === '' && request.method === 'GET' && request.query['filter'] !== undefined)
      return list([...collections.values()], request.operator, request.query);
    throw new DomainError('not_found');
  };
}

export type Operate = ReturnType<typeof createOperations>;

/** Maximum nesting depth. No directory sends more. */
const MAX_DEPTH = 16;

const isDeeper = (value: unknown, left: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (left === 0 || Object.values(value).some((one) => isDeeper(one, left - 1)));

/** @throws ScimError invalidSyntax. */
export function checkDepth(body: unknown): void {
  if (isDeeper(body, MAX_DEPTH)) throw new ScimError('invalidSyntax', 'The body is nested too deep');
}
