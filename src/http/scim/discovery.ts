/** The capabilities of this service (RFC 7643 sections 5 to 7). */
import { MAX_RESULTS } from '../../domain/scim/lists.ts';
import { attribute, complex, type ResourceType, type Schema } from '../../domain/scim/schema.ts';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0:';

/** Maximum bytes of a request, and operations of a bulk request. */
export const LIMITS = { payload: 1_048_576, operations: 1_000 };

const fixed = { mutability: 'readOnly' } as const;
const needed = { ...fixed, required: true } as const;
const flag = { ...needed, type: 'boolean' } as const;
const supported = attribute('supported', 'Whether it is supported', flag);

const DESCRIPTIONS: Schema[] = [
  {
    id: `${CORE}ServiceProviderConfig`,
    name: 'ServiceProviderConfig',
    description: 'What the service supports',
    attributes: [
      attribute('documentationUri', 'The URL of its documentation', {
        ...fixed,
        type: 'reference',
        referenceTypes: ['external'],
      }),
      ...['patch', 'bulk', 'filter', 'changePassword', 'sort', 'etag'].map((name) =>
        complex(name, `Support of ${name}`, [supported], needed),
      ),
      complex(
        'authenticationSchemes',
        'How a directory authenticates',
        ['type', 'name', 'description'].map((name) => attribute(name, `The ${name} of the scheme`, needed)),
        { ...needed, multiValued: true },
      ),
    ],
  },
  {
    id: `${CORE}ResourceType`,
    name: 'ResourceType',
    description: 'A kind of resource',
    attributes: [
      attribute('name', 'The name', needed),
      attribute('description', 'The description', fixed),
      attribute('endpoint', 'The endpoint', { ...needed, type: 'reference', referenceTypes: ['uri'] }),
      attribute('schema', 'The schema', { ...needed, type: 'reference', referenceTypes: ['uri'] }),
      complex(
        'schemaExtensions',
        'The schema extensions',
        [
          attribute('schema', 'The schema', { ...needed, type: 'reference', referenceTypes: ['uri'] }),
          attribute('required', 'Whether it is required', flag),
        ],
        { ...fixed, multiValued: true },
      ),
    ],
  },
  {
    id: `${CORE}Schema`,
    name: 'Schema',
    description: 'A schema',
    attributes: [
      attribute('name', 'The name', needed),
      attribute('description', 'The description', fixed),
      complex(
        'attributes',
        'The attributes',
        [
          attribute('name', 'The name', needed),
          attribute('type', 'The type', needed),
          attribute('multiValued', 'Whether it can have many values', flag),
        ],
        { ...needed, multiValued: true },
      ),
    ],
  },
];

const schemaOf = (schema: Schema, base: string) => ({
  schemas: [`${CORE}Schema`],
  ...schema,
  meta: { resourceType: 'Schema', location: `${base}/Schemas/${schema.id}` },
});

export const schemas = (types: ResourceType[], base: string) =>
  [...types.flatMap(({ schema, extensions }) => [schema, ...extensions]), ...DESCRIPTIONS].map((schema) =>
    schemaOf(schema, base),
  );

const typeOf = ({ name, description, endpoint, schema, extensions }: ResourceType, base: string) => ({
  schemas: [`${CORE}ResourceType`],
  id: name,
  name,
  description,
  endpoint,
  schema: schema.id,
  ...(extensions.length > 0 && {
    schemaExtensions: extensions.map(({ id }) => ({ schema: id, required: false })),
  }),
  meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${name}` },
});

export const resourceTypes = (types: ResourceType[], base: string) => types.map((type) => typeOf(type, base));

export const serviceProviderConfig = (base: string) => ({
  schemas: [`${CORE}ServiceProviderConfig`],
  patch: { supported: true },
  bulk: { supported: true, maxOperations: LIMITS.operations, maxPayloadSize: LIMITS.payload },
  filter: { supported: true, maxResults: MAX_RESULTS },
  changePassword: { supported: true },
  sort: { supported: true },
  etag: { supported: true },
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'Bearer token',
      description: 'A SCIM token in the Authorization header (RFC 6750 section 2.1)',
      specUri: 'https://www.rfc-editor.org/info/rfc6750',
      primary: true,
    },
  ],
  meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
});
