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
      attribute('display', 'How it is shown'),
      attribute('type', 'What it is for', types.length > 0 ? { canonicalValues: types } : {}),
      attribute('primary', 'Whether it is the first one to use', { type: 'boolean' }),
    ],
    { multiValued: true, ...traits },
  );

const PLACES = ['work', 'home', 'other'];

const USER: Schema = {
  id: USER_SCHEMA,
  name: 'User',
  description: 'An account',
  attributes: [
    attribute('userName', 'What the directory calls the person by; a username here, if it can be one', {
      required: true,
      uniqueness: 'server',
    }),
    complex('name', 'The parts of the name', [
      attribute('formatted', 'The whole name'),
      attribute('familyName', 'The family name'),
      attribute('givenName', 'The given name'),
      attribute('middleName', 'The middle name'),
      attribute('honorificPrefix', 'A title before the name'),
      attribute('honorificSuffix', 'What comes after the name'),
    ]),
    attribute('displayName', 'The name that is shown'),
    attribute('nickName', 'What friends say'),
    attribute('profileUrl', 'The address of a page about the person', {
      type: 'reference',
      referenceTypes: ['external'],
      caseExact: true,
    }),
    attribute('title', 'The position'),
    attribute('userType', 'The kind of employment'),
    attribute('preferredLanguage', 'The language of mail and pages, as en or pt-BR'),
    attribute('locale', 'The language that dates and numbers are shown for'),
    attribute('timezone', 'A name of the time zone database'),
    attribute('active', 'Whether the person may sign in; a new one may, unless this says otherwise', {
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
      'Addresses; the primary one, else the one for work, is the account’s',
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
        attribute('type', 'What it is for', { canonicalValues: PLACES }),
        attribute('primary', 'Whether it is the first one to use', { type: 'boolean' }),
      ],
      { multiValued: true },
    ),
    complex(
      'groups',
      'The groups that the person is in',
      [
        attribute('value', 'The id of the group', { mutability: 'readOnly', caseExact: true }),
        attribute('$ref', 'The address of the group', {
          type: 'reference',
          referenceTypes: ['Group'],
          mutability: 'readOnly',
          caseExact: true,
        }),
        attribute('display', 'Its name', { mutability: 'readOnly' }),
        attribute('type', 'How the person is in it', {
          mutability: 'readOnly',
          canonicalValues: ['direct'],
        }),
      ],
      { multiValued: true, mutability: 'readOnly' },
    ),
    many('entitlements', 'What the person is entitled to', []),
    many('roles', 'Roles; those of that name here are given, but for management roles', []),
    many('x509Certificates', 'Certificates', [], { caseExact: true }),
  ],
};

const ENTERPRISE: Schema = {
  id: ENTERPRISE_SCHEMA,
  name: 'EnterpriseUser',
  description: 'The person in the organisation',
  attributes: [
    attribute('employeeNumber', 'The number of the employee'),
    attribute('costCenter', 'The cost centre'),
    attribute('organization', 'The organisation'),
    attribute('division', 'The division'),
    attribute('department', 'The department'),
    complex('manager', 'The manager', [
      attribute('value', 'The id of the manager', { caseExact: true }),
      attribute('$ref', 'The address of the manager', {
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
      'Who is in it',
      [
        attribute('value', 'The id of the account', { mutability: 'immutable', caseExact: true }),
        attribute('$ref', 'The address of the account', {
          type: 'reference',
          referenceTypes: ['User'],
          mutability: 'immutable',
          caseExact: true,
        }),
        attribute('type', 'User: groups are not in groups', {
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
      attribute('created', 'When it was made', { type: 'dateTime', mutability: 'readOnly' }),
      attribute('lastModified', 'When it was changed', { type: 'dateTime', mutability: 'readOnly' }),
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
    description: 'What is defined here beyond the standard',
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
