/** The equivalent API call, command and YAML for what the pages of apps do. */
import type { ManagedClient, NewClient } from '../../../domain/clients.ts';
import { word } from '../same.ts';

/** Options of `postern client` by the property that they set. */
const OPTIONS: readonly (readonly [string, string])[] = [
  ['grant_types', '--grant'],
  ['redirect_uris', '--redirect-uri'],
  ['post_logout_redirect_uris', '--post-logout-redirect-uri'],
  ['allowed_cors_origins', '--cors-origin'],
  ['scope', '--scope'],
  ['apis', '--api'],
  ['allowed_roles', '--allow-role'],
  ['allowed_groups', '--allow-group'],
];

const optionsOf = (metadata: Readonly<Record<string, unknown>>): string[] =>
  OPTIONS.flatMap(([property, option]) =>
    [metadata[property] ?? []]
      .flat()
      .map((value) => `${option} ${word(typeof value === 'string' ? value : JSON.stringify(value))}`),
  );

const yamlOf = (client: Readonly<Record<string, unknown>>): string =>
  [
    'clients:',
    ...Object.entries(client).map(
      ([name, value], index) => `${index === 0 ? '  - ' : '    '}${name}: ${JSON.stringify(value)}`,
    ),
  ].join('\n');

/** What sets a client to its current state. */
export const sameClient = ({ id, name, metadata }: ManagedClient) => ({
  api: { method: 'PATCH', path: `/clients/${encodeURIComponent(id)}`, body: { name, ...metadata } },
  cli: [`postern client update ${word(id)}`, `--name ${word(name)}`, ...optionsOf(metadata)].join(' \\\n  '),
  yaml: yamlOf({ client_id: id, name, ...metadata }),
});

/** What creates a client. */
export const sameNewClient = ({ name, metadata, roles = [] }: NewClient) => ({
  api: {
    method: 'POST',
    path: '/clients',
    body: { name, ...metadata, ...(roles.length > 0 ? { roles } : {}) },
  },
  cli: [
    `postern client create --json --name ${word(name)}`,
    ...(metadata['token_endpoint_auth_method'] === 'none' ? ['--public'] : []),
    ...optionsOf(metadata),
    ...roles.map((role) => `--role ${word(role)}`),
    ...(metadata['first_party'] === true ? ['--first-party'] : []),
  ].join(' \\\n  '),
});
