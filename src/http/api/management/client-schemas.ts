import { z } from 'zod';
import { CLIENT_KINDS } from '../../../domain/clients.ts';
import { issuedSecret, secret, text } from '../../endpoints/text.ts';
import { limit } from '../lists.ts';
import { flag, listOf, moment, oneOf, page, version } from './schemas.ts';

const ALSO = 'and the other metadata that it has, by its name (docs/client-metadata.md)';

/** A client, with metadata as named by RFC 7591. */
export const Client = z
  .looseObject({
    client_id: z.string(),
    name: z.string(),
    kind: z.enum(CLIENT_KINDS),
    enabled: z.boolean().describe('Whether it gets anything'),
    roles: z.array(z.string()).describe('What a service account may do at this API'),
    grant_types: z.array(z.string()),
    redirect_uris: z.array(z.string()),
    token_endpoint_auth_method: z.string(),
    last_used_at: moment.nullable().describe('To the minute'),
    created_at: moment,
    updated_at: moment,
    version,
  })
  .describe(`A client, ${ALSO}`);
export const Clients = listOf(Client);
export const CreatedClient = Client.extend({
  client_secret: issuedSecret('Shown this once; null for a client that has none, or that brought its own'),
});

const name = text('What people see when it asks for their consent, at most 100 characters').max(100);
const roles = z.array(text('The name of a role')).max(100).describe('What a service account may do here');

export const NewClient = z
  .looseObject({
    name,
    client_id: text('The client_id that it has elsewhere, to bring it along').optional(),
    client_secret: secret('The secret that it has elsewhere').optional(),
    roles: roles.optional(),
  })
  .meta({
    description: `A client, ${ALSO}`,
    examples: [{ name: 'Shop', redirect_uris: ['https://shop.example.com/callback'] }],
  });
export const ClientChanges = z.looseObject({ name: name.optional(), roles: roles.optional() }).meta({
  description: `What is to change, ${ALSO}; null takes a property away`,
  examples: [{ access_token_ttl: 300 }],
});

export const ClientPage = z.strictObject({
  search: text('Any part of the name, or the beginning of the client_id').max(255).optional(),
  kind: oneOf(z.enum(CLIENT_KINDS), 'What it is to people'),
  enabled: flag.optional(),
  agent: flag.optional(),
  asserts_identities: flag.optional(),
  role: oneOf(text('The name of a role'), 'What a service account has'),
  ...page(['client_id', 'name', 'created_at', 'last_used_at']),
});

export const ClientSecret = z.strictObject({
  id: z.string(),
  created_at: moment,
  expires_at: moment.nullable().describe('null for one that counts until there is another'),
});
export const ClientSecrets = listOf(ClientSecret);
export const CreatedClientSecret = ClientSecret.extend({ client_secret: issuedSecret('Shown this once') });

const DAY = 86_400;

export const NewClientSecret = z
  .strictObject({
    overlap: z
      .int()
      .min(0)
      .max(90 * DAY)
      .default(DAY)
      .describe('Seconds that the former secrets count for at most; 0 ends them'),
    expires_in: z
      .int()
      .min(60)
      .max(3650 * DAY)
      .nullable()
      .default(null)
      .describe('Seconds that the new one counts; null for one without an end'),
  })
  .prefault({});

export const Consenter = z.strictObject({
  id: z.uuid(),
  email: z.string(),
  name: z.string().nullable(),
  scopes: z.array(z.string()).describe('Of OpenID Connect'),
  apis: z.array(z.strictObject({ api: z.string(), scopes: z.array(z.string()) })),
  since: moment,
});
export const Consenters = listOf(Consenter);
export const ConsenterPage = z.strictObject({ limit, cursor: page(['created_at']).cursor });

const claims = z.record(z.string(), z.unknown());
const PreviewedToken = z.strictObject({
  format: z.enum(['jwt', 'opaque']),
  expires_in: z.int(),
  claims: claims.describe('Of an opaque token, what introspection tells'),
});

export const PreviewRequest = z
  .strictObject({
    user: text('The id of an account; without it, what the client has for itself').optional(),
    scope: text('What it asks for; what it is registered with unless given').max(2_000).optional(),
    resource: text('The identifier of the API; the one that has the scopes unless given').optional(),
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
