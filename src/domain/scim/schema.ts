/** The single definition of the attributes of users and groups (RFC 7643). */
import { ATTRIBUTES_SCHEMA } from '../../storage/directory-conditions.ts';
import type { Attribute as Defined } from '../attributes/index.ts';

const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE_SCHEMA = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';

/** An attribute, with the characteristics of RFC 7643 section 7. */
export interface Attribute {
  name: string;
  type: 'string' | 'boolean' | 'integer' | 'decimal' | 'reference' | 'dateTime' | 'complex';
  multiValued: boolean;
  description: string;
  required: boolean;
  caseExact: boolean;
  mutability: 'readWrite' | 'readOnly' | 'writeOnly' | 'immutable';
  returned: 'default' | 'always' | 'never' | 'request';
  uniqueness: 'none' | 'server';
  canonicalValues?: string[];
  referenceTypes?: string[];
  subAttributes?: Attribute[];
}

export interface Schema {
  id: string;
  name: string;
  description: string;
  attributes: Attribute[];
}

type Traits = Partial<Omit<Attribute, 'name' | 'description'>>;

export const attribute = (name: string, description: string, traits: Traits = {}): Attribute => ({
  name,
  type: 'string',
  multiValued: false,
  description,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  ...traits,
});

export const complex = (name: string, description: string, subAttributes: Attribute[], traits: Traits = {}) =>
  attribute(name, description, { type: 'complex', subAttributes, ...traits });

/** A multi-valued attribute; each value has a type and may be primary. */
const many = (
  name: string,
  description: string,
  types: string[],
  value: Traits = {},
  traits: Traits = {},
): Attribute =>
  complex(
    name,
    description,
    [
      attribute('value', 'The value', value),
      attribute('display', 'The name to display'),
      attribute('type', 'Its purpose', types.length > 0 ? { canonicalValues: types } : {}),
      attribute('primary', 'Whether it is the preferred one', { type: 'boolean' }),
    ],
    { multiValued: true, ...traits },
  );

const PLACES = ['work', 'home', 'other'];

const USER: Schema = {
  id: USER_SCHEMA,
  name: 'User',
  description: 'An account',
  attributes: [
    attribute('userName', 'The name of the person in the directory; the username here, if valid as one', {
      required: true,
      uniqueness: 'server',
    }),
    complex('name', 'The parts of the name', [
      attribute('formatted', 'The whole name'),
      attribute('familyName', 'The family name'),
      attribute('givenName', 'The given name'),
      attribute('middleName', 'The middle name'),
      attribute('honorificPrefix', 'A title before the name'),
      attribute('honorificSuffix', 'A suffix after the name'),
    ]),
    attribute('displayName', 'The name to display'),
    attribute('nickName', 'The nickname'),
    attribute('profileUrl', 'The URL of a page about the person', {
      type: 'reference',
      referenceTypes: ['external'],
      caseExact: true,
    }),
    attribute('title', 'The position'),
    attribute('userType', 'The kind of employment'),
    attribute('preferredLanguage', 'The language of mail and pages, such as en or pt-BR'),
    attribute('locale', 'The locale for dates and numbers'),
    attribute('timezone', 'A name from the time zone database'),
    attribute('active', 'Whether the person may sign in; by default a new person may', {
      type: 'boolean',
      required: true,
    }),
    attribute('password', 'A new password', {
      mutability: 'writeOnly',
      returned: 'never',
      caseExact: true,
    }),
    many(
      'emails',
      'Addresses; the account gets the primary one, else the work one',
      PLACES,
      { required: true },
      { required: true },
    ),
    many('phoneNumbers', 'Phone numbers', ['work', 'home', 'mobile', 'fax', 'pager', 'other']),
    many('ims', 'Addresses for instant messages', []),
    many('photos', 'Pictures', ['photo', 'thumbnail'], {
      type: 'reference',
      referenceTypes: ['external'],
      caseExact: true,
    }),
    complex(
      'addresses',
      'Postal addresses',
      [
        attribute('formatted', 'The whole address'),
        attribute('streetAddress', 'The street, with the number'),
        attribute('locality', 'The town'),
        attribute('region', 'The state or region'),
        attribute('postalCode', 'The postal code'),
        attribute('country', 'The country'),
        attribute('type', 'Its purpose', { canonicalValues: PLACES }),
        attribute('primary', 'Whether it is the preferred one', { type: 'boolean' }),
      ],
      { multiValued: true },
    ),
    complex(
      'groups',
      'The groups that the person is in',
      [
        attribute('value', 'The id of the group', { mutability: 'readOnly', caseExact: true }),
        attribute('$ref', 'The URL of the group', {
          type: 'reference',
          referenceTypes: ['Group'],
          mutability: 'readOnly',
          caseExact: true,
        }),
        attribute('display', 'Its name', { mutability: 'readOnly' }),
        attribute('type', 'The kind of membership', {
          mutability: 'readOnly',
          canonicalValues: ['direct'],
        }),
      ],
      { multiValued: true, mutability: 'readOnly' },
    ),
    many('entitlements', 'The entitlements of the person', []),
    many('roles', 'Roles; those with the same name here are assigned, except management roles', []),
    many('x509Certificates', 'Certificates', [], { caseExact: true }),
  ],
};

const ENTERPRISE: Schema = {
  id: ENTERPRISE_SCHEMA,
  name: 'EnterpriseUser',
  description: 'The person in the organisation',
  attributes: [
    attribute('employeeNumber', 'The employee number'),
    attribute('costCenter', 'The cost centre'),
    attribute('organization', 'The organisation'),
    attribute('division', 'The division'),
    attribute('department', 'The department'),
    complex('manager', 'The manager', [
      attribute('value', 'The id of the manager', { caseExact: true }),
      attribute('$ref', 'The URL of the manager', {
        type: 'reference',
        referenceTypes: ['User'],
        caseExact: true,
      }),
      attribute('displayName', 'The name of the manager', { mutability: 'readOnly' }),
    ]),
  ],
};

const GROUP: Schema = {
  id: GROUP_SCHEMA,
  name: 'Group',
  description: 'A group',
  attributes: [
    attribute('displayName', 'The name', { required: true, uniqueness: 'server' }),
    complex(
      'members',
      'The members',
      [
        attribute('value', 'The id of the account', { mutability: 'immutable', caseExact: true }),
        attribute('$ref', 'The URL of the account', {
          type: 'reference',
          referenceTypes: ['User'],
          mutability: 'immutable',
          caseExact: true,
        }),
        attribute('type', 'User: groups cannot be members of groups', {
          mutability: 'immutable',
          canonicalValues: ['User'],
        }),
        attribute('display', 'The name of the person', { mutability: 'readOnly', returned: 'request' }),
      ],
      { multiValued: true },
    ),
  ],
};

/** Common attributes of all resources (RFC 7643 section 3.1). */
const COMMON: Attribute[] = [
  attribute('schemas', 'The schemas of the resource', {
    type: 'reference',
    multiValued: true,
    caseExact: true,
    mutability: 'readOnly',
    returned: 'always',
  }),
  attribute('id', 'The id here', { caseExact: true, mutability: 'readOnly', returned: 'always' }),
  attribute('externalId', 'The id in the directory', { caseExact: true }),
  complex(
    'meta',
    'About the resource',
    [
      attribute('resourceType', 'User or Group', { mutability: 'readOnly', caseExact: true }),
      attribute('created', 'When it was created', { type: 'dateTime', mutability: 'readOnly' }),
      attribute('lastModified', 'When it was last changed', { type: 'dateTime', mutability: 'readOnly' }),
      attribute('location', 'Its address', { type: 'reference', mutability: 'readOnly', caseExact: true }),
      attribute('version', 'Its version', { mutability: 'readOnly', caseExact: true }),
    ],
    { mutability: 'readOnly' },
  ),
];

/** A resource type: its endpoint and schemas. */
export interface ResourceType {
  name: 'User' | 'Group';
  /** Relative to the service's base. */
  endpoint: string;
  description: string;
  schema: Schema;
  extensions: Schema[];
  /** Including the common attributes. */
  attributes: Attribute[];
}

/** This installation's custom attributes as an extension; null without any. */
function definedSchema(defined: readonly Defined[]): Schema | null {
  if (defined.length === 0) return null;
  return {
    id: ATTRIBUTES_SCHEMA,
    name: 'Attributes',
    description: 'Custom attributes of this server',
    attributes: defined.map((one) => {
      const type = one.type === 'number' ? 'decimal' : one.type === 'array' ? 'string' : one.type;
      return attribute(one.name, one.hintIn('en') ?? one.titleIn('en'), {
        type,
        multiValued: one.isList,
        caseExact: type === 'string',
        mutability: one.mayWrite('operator') ? 'readWrite' : 'readOnly',
        ...(one.choices && { canonicalValues: [...one.choices] }),
      });
    }),
  };
}

/** Users with this installation's custom attributes. */
export function userTypeWith(defined: readonly Defined[]): ResourceType {
  const schema = definedSchema(defined);
  return schema ? { ...USER_TYPE, extensions: [...USER_TYPE.extensions, schema] } : USER_TYPE;
}

export const USER_TYPE: ResourceType = {
  name: 'User',
  endpoint: '/Users',
  description: 'Accounts',
  schema: USER,
  extensions: [ENTERPRISE],
  attributes: [...COMMON, ...USER.attributes],
};

export const GROUP_TYPE: ResourceType = {
  name: 'Group',
  endpoint: '/Groups',
  description: 'Groups',
  schema: GROUP,
  extensions: [],
  attributes: [...COMMON, ...GROUP.attributes],
};

/** Attribute names are case-insensitive (RFC 7643 section 2.1). */
export const findAttribute = (attributes: readonly Attribute[], name: string): Attribute | undefined => {
  const lower = name.toLowerCase();
  return attributes.find((one) => one.name.toLowerCase() === lower);
};
