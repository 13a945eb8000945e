import type { ClientAdmin } from '../../domain/clients.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import type { ClientRecord } from '../../storage/clients.ts';
import { operator } from '../operator.ts';

const NAME = 'postern CLI';

/** The loopback address with any port (RFC 8252 section 7.3). */
export const REDIRECT_URI = 'http://127.0.0.1/callback';

const GRANTS = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];

const isOurs = ({ name, secretHash, metadata }: ClientRecord): boolean =>
  name === NAME &&
  secretHash === null &&
  Array.isArray(metadata['redirect_uris']) &&
  metadata['redirect_uris'].includes(REDIRECT_URI);

async function find(clients: ClientAdmin): Promise<ClientRecord | undefined> {
  const options = { filters: { search: NAME }, limit: 1000 };
  let page = await clients.list(shellOperator(operator()), options);
  for (;;) {
    const known = page.items.find(isOurs);
    if (known || page.nextCursor === null) return known;
    page = await clients.list(shellOperator(operator()), { ...options, cursor: page.nextCursor });
  }
}

/** The id of the public client that `postern login` is, made when it is not there. */
export async function ownClient(clients: ClientAdmin): Promise<string> {
  const known = await find(clients);
  if (known !== undefined) {
    // One that was made before there was `--device`.
    const grants = (known.metadata['grant_types'] ?? []) as unknown[];
    const changes = { metadata: { grant_types: GRANTS } };
    if (GRANTS.some((grant) => !grants.includes(grant)))
      await clients.update(shellOperator(operator()), known.id, changes);
    return known.id;
  }
  const metadata = {
    application_type: 'native',
    grant_types: GRANTS,
    response_types: ['code'],
    redirect_uris: [REDIRECT_URI],
  };
  const { client } = await clients.create(shellOperator(operator()), {
    name: NAME,
    isPublic: true,
    metadata,
  });
  return client.id;
}
