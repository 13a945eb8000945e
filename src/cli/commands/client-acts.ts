import type { ClientAdmin } from '../../domain/clients.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import type { ExplainedRefusal } from '../../domain/refusals.ts';
import { clientJson, secretsJson } from '../client-report.ts';
import { operator } from '../operator.ts';
import { endOf } from '../options.ts';
import { facts, type Report, shown, table } from '../report.ts';
import { withCore } from '../session.ts';

/** Shows a client in full, without its secrets. @throws DomainError client_not_found. */
export async function showClient(id: string): Promise<Report> {
  const { client, secrets } = await withCore(async ({ clients }) => ({
    client: await clients.find(shellOperator(operator()), id),
    secrets: secretsJson(await clients.secrets(shellOperator(operator()), id)),
  }));
  const json = clientJson(client);
  const lines = Object.entries(json).map(([name, value]): [string, string] => [name, shown(value)]);
  const ends = secrets.map(({ id: name, created_at: made, expires_at: end }): [string, string] => [
    'secret',
    `${name}  created ${made}${end === null ? '' : `, expires ${end}`}`,
  ]);
  return { json: { ...json, secrets }, text: facts([...lines, ...ends]) };
}

/** A client with its active secrets. */
async function withSecrets(clients: ClientAdmin, id: string) {
  const by = shellOperator(operator());
  const [client, secrets] = await Promise.all([clients.find(by, id), clients.secrets(by, id)]);
  return { ...clientJson(client), secrets: secretsJson(secrets) };
}

/**
 * Issues a new client secret. The former one stays valid for `overlap` seconds.
 * @throws DomainError client_not_found, invalid_client_metadata for a client without a secret. UsageError.
 */
export async function rotateSecret(
  id: string,
  { overlap, expiresIn }: { overlap: number; expiresIn?: string },
): Promise<Report> {
  const lifetime =
    expiresIn === undefined ? null : Math.round((endOf(expiresIn).getTime() - Date.now()) / 1000);
  const { secret, client } = await withCore(async ({ clients }) => ({
    secret: (await clients.rotateSecret(shellOperator(operator()), id, { overlap, lifetime })).secret,
    client: await withSecrets(clients, id),
  }));
  const [, ...former] = client.secrets;
  const ends = former.flatMap(({ expires_at: end }) => (end === null ? [] : [end])).sort();
  return {
    json: { ...client, client_secret: secret },
    text: facts([
      ['client_id', id],
      ['client_secret', `${secret}   (shown only once)`],
      ['previous secret', ends.length === 0 ? 'no longer valid' : `valid until ${ends.at(-1)}`],
    ]),
  };
}

/** Lists a client's active secrets without their values. @throws DomainError client_not_found. */
export async function listSecrets(id: string): Promise<Report> {
  const { secrets } = await withCore(({ clients }) => withSecrets(clients, id));
  return {
    json: { secrets },
    text: table(
      ['id', 'created', 'expires'],
      secrets.map((one) => [one.id, one.created_at, one.expires_at ?? 'never']),
    ),
  };
}

/** Revokes one of several secrets. @throws DomainError client_not_found, secret_not_found, in_use. */
export async function removeSecret(id: string, secretId: string): Promise<Report> {
  const client = await withCore(async ({ clients }) => {
    await clients.removeSecret(shellOperator(operator()), id, secretId);
    return withSecrets(clients, id);
  });
  return { json: client, text: `The secret ${secretId} is no longer valid.` };
}

const toJson = (row: ExplainedRefusal) => ({
  endpoint: row.endpoint,
  error: row.error,
  parameter: row.parameter,
  value: row.value,
  reason: row.reason,
  advice: row.advice,
  count: row.count,
  first_at: row.firstAt.toISOString(),
  last_at: row.lastAt.toISOString(),
  request_id: row.requestId,
});

const block = ({ parameter, value, ...row }: ReturnType<typeof toJson>): string => {
  const what = parameter === null ? '' : ` (${parameter}${value === null ? '' : `=${value}`})`;
  const times = row.count === 1 ? '' : `, ${row.count} times`;
  return [
    `${row.last_at}  ${row.endpoint}: ${row.error}${what}${times}`,
    `  ${row.reason}`,
    `  To do: ${row.advice}`,
    `  X-Request-Id: ${row.request_id}`,
  ].join('\n');
};

/** Lists a client's latest refused requests, each with advice. @throws DomainError client_not_found. */
export async function diagnose(id: string): Promise<Report> {
  const by = shellOperator(operator());
  const { client, rows } = await withCore(async ({ clients, refusals }) => ({
    client: await clients.find(by, id),
    rows: await refusals.ofClient(by, id),
  }));
  const all = rows.map(toJson);
  return {
    json: { client_id: id, name: client.name, refusals: all },
    text:
      all.length === 0
        ? `No request of ${client.name} was refused in the last 30 days.`
        : all.map(block).join('\n\n'),
  };
}
