import { clientJson, secretsJson } from '../client-report.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { operator } from '../operator.ts';
import { facts, type Report, shown } from '../report.ts';
import { withCore } from '../session.ts';

/** All that there is of a client but its secrets. @throws DomainError client_not_found. */
export async function showClient(id: string): Promise<Report> {
  const { client, secrets } = await withCore(async ({ clients }) => ({
    client: await clients.find(shellOperator(operator()), id),
    secrets: secretsJson(await clients.secrets(shellOperator(operator()), id)),
  }));
  const json = clientJson(client);
  const lines = Object.entries(json).map(([name, value]): [string, string] => [name, shown(value)]);
  const ends = secrets.map(({ id: name, created_at: made, expires_at: end }): [string, string] => [
    'secret',
    `${name}  made ${made}${end === null ? '' : `, ends ${end}`}`,
  ]);
  return { json: { ...json, secrets }, text: facts([...lines, ...ends]) };
}
