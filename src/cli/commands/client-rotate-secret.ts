import { clientJson, secretsJson } from '../client-report.ts';
import { operator } from '../operator.ts';
import { facts, type Report } from '../report.ts';
import { withCore } from '../session.ts';

/**
 * Gives a client another secret; the former one counts for `overlap` seconds more.
 * @throws DomainError client_not_found, invalid_client_metadata for a client that has none.
 */
export async function rotateSecret(id: string, { overlap }: { overlap: number }): Promise<Report> {
  const { client, secret, secrets } = await withCore(async ({ clients }) => ({
    secret: await clients.rotateSecret(id, overlap, operator()),
    client: await clients.find(id),
    secrets: secretsJson(await clients.secrets(id)),
  }));
  const former = secrets.flatMap(({ expires_at: end }) => (end === null ? [] : [end])).sort();
  return {
    json: { ...clientJson(client), secrets, client_secret: secret },
    text: facts([
      ['client_id', id],
      ['client_secret', `${secret}   (shown this once)`],
      ['the former one', former.length === 0 ? 'counts no more' : `counts until ${former.at(-1)}`],
    ]),
  };
}
