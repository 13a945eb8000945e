import { systemActor } from '../../../src/core/actor.ts';
import { shellOperator } from '../../../src/domain/operators/operator.ts';
import type { Client, Provider } from '../../oidc/support/provider.ts';
import { type ApiReply, send } from './client.ts';

/** A service account with `roles`. */
export async function serviceAccount(provider: Provider, ...roles: string[]): Promise<Client> {
  const { client, secret } = await provider.operator.clients.create(shellOperator(systemActor), {
    name: 'Ops',
    isPublic: false,
    roles,
    metadata: { grant_types: ['client_credentials'], redirect_uris: [], response_types: [] },
  });
  return { id: client.id, secret: secret ?? '', redirectUri: '' };
}

/** A token of the service account, with all its scopes unless `scope` names some. */
export async function ownToken(
  provider: Provider,
  { id, secret }: Client,
  scope?: string,
): Promise<{ status: number; body: Record<string, string> }> {
  const reply = await fetch(`${provider.url}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      ...(scope === undefined ? {} : { scope }),
    }),
  });
  return { status: reply.status, body: (await reply.json()) as Record<string, string> };
}

export type Call = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<ApiReply>;

/** Calls as a service account with `roles`, with a token for all that they allow. */
export async function callAs(provider: Provider, ...roles: string[]): Promise<Call> {
  const { body } = await ownToken(provider, await serviceAccount(provider, ...roles));
  const authorization = `Bearer ${body['access_token'] ?? ''}`;
  return (method, path, sent, headers = {}) =>
    send(provider, method, path, { body: sent, headers: { authorization, ...headers } });
}

export const idOf = ({ body }: ApiReply): string => String(body['id']);
export const itemsOf = ({ body }: ApiReply) => body['items'] as Record<string, unknown>[];
