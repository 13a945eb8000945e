import { z } from 'zod';
import { CLIENT_KINDS } from '../../../domain/clients.ts';
import { issuedSecret, secret, text } from '../../endpoints/text.ts';
import { limit } from '../lists.ts';
import { flag, listOf, moment, oneOf, page, version } from './schemas.ts';

const ALSO = 'with its other metadata by name (docs/client-metadata.md)';

/** A client, with metadata as named by RFC 7591. */
export const Client = z
  .looseObject({
    client_id: z.string(),
    name: z.string(),
    kind: z.enum(CLIENT_KINDS),
    enabled: z.boolean().describe('Whether it may use this service'),
    roles: z.array(z.string()).describe('Roles of a service account at this API'),
    grant_types: z.array(z.string()),
    redirect_uris: z.array(z.string()),
    token_endpoint_auth_method: z.string(),
    last_used_at: moment.nullable().describe('Accurate to a minute'),
    created_at: moment,
    updated_at: moment,
    version,
  })
  .describe(`A client, ${ALSO}`);
export const Clients = listOf(Client);
export const CreatedClient = Client.extend({
  client_secret: issuedSecret('Shown only once; null for a client without a secret, or with one of your own'),
});

const name = text('The name on the consent page, at most 100 characters').max(100);
const roles = z.array(text('The name of a role')).max(100).describe('Roles of a service account');

export const NewClient = z
  .looseObject({
    name,
    client_id: text('A client_id to keep from another service').optional(),
    client_secret: secret('A secret to keep from another service').optional(),
    roles: roles.optional(),
  })
  .meta({
    description: `A client, ${ALSO}`,
    examples: [{ name: 'Shop', redirect_uris: ['https://shop.example.com/callback'] }],
  });
export const ClientChanges = z.looseObject({ name: name.optional(), roles: roles.optional() }).meta({
  description: `The properties to change, ${ALSO}; null removes a property`,
  examples: [{ access_token_ttl: 300 }],
});

export const ClientPage = z.strictObject({
  search: text('Part of the name, or the beginning of the client_id').max(255).optional(),
  kind: oneOf(z.enum(CLIENT_KINDS), 'The kind of client'),
  enabled: flag.optional(),
  agent: flag.optional(),
  asserts_identities: flag.optional(),
  role: oneOf(text('The name of a role'), 'A role of service accounts'),
  ...page(['client_id', 'name', 'created_at', 'last_used_at']),
});

export const ClientSecret = z.strictObject({
  id: z.string(),
  created_at: moment,
  expires_at: moment.nullable().describe('null if it is valid until there is another'),
});
export const ClientSecrets = listOf(ClientSecret);
export const CreatedClientSecret = ClientSecret.extend({ client_secret: issuedSecret('Shown only once') });

const DAY = 86_400;

export const NewClientSecret = z
  .strictObject({
    overlap: z
      .int()
      .min(0)
      .max(90 * DAY)
      .default(DAY)
      .describe('Maximum seconds that the previous secrets stay valid; 0 ends them'),
    expires_in: z
      .int()
      .min(60)
      .max(3650 * DAY)
      .nullable()
      .default(null)
      .describe('Lifetime of the new one in seconds; null for unlimited'),
  })
  .prefault({});

export const Consenter = z.strictObject({
  id: z.uuid(),
  email: z.string(),
  name: z.string().nullable(),
  scopes: z.array(z.string()).describe('Scopes of OpenID Connect'),
  apis: z.array(z.strictObject({ api: z.string(), scopes: z.array(z.string()) })),
  since: moment,
});
export const Consenters = listOf(Consenter);
export const ConsenterPage = z.strictObject({ limit, cursor: page(['created_at']).cursor });

const claims = z.record(z.string(), z.unknown());
const PreviewedToken = z.strictObject({
  format: z.enum(['jwt', 'opaque']),
  expires_in: z.int(),
  claims: claims.describe('For an opaque token, the introspection response'),
});

export const PreviewRequest = z
  .strictObject({
    user: text('The id of an account; without it, the tokens of the client itself').optional(),
    scope: text('The requested scope; default: the registered one').max(2_000).optional(),
    resource: text('The identifier of the API; default: the one that has the scopes').optional(),
  })
  .prefault({});
export const Preview = z.strictObject({
  id_token: claims.nullable(),
  userinfo: claims.nullable(),
  access_token: PreviewedToken.nullable(),
  client_credentials: PreviewedToken.nullable(),
});

export const clientId = { id: text('The client_id') };
export const secretIds = { ...clientId, sid: text('The id of the secret') };
