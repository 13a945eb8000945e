import { shellOperator } from '../../src/domain/operators/operator.ts';
import { systemActor } from '../../src/core/actor.ts';
import type { Provider } from '../oidc/support/provider.ts';

export interface ScimReply {
  status: number;
  headers: Headers;
  text: string;
  body: Record<string, unknown>;
}

export type Scim = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<ScimReply>;

/** Calls as a directory with `token`. Objects are sent with SCIM's media type, a string as it is. */
export const scimAs =
  ({ url }: Pick<Provider, 'url'>, token: string): Scim =>
  async (method, path, sent, headers = {}) => {
    const reply = await fetch(`${url}/scim/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(sent === undefined ? {} : { 'content-type': 'application/scim+json' }),
        ...headers,
      },
      ...(sent === undefined ? {} : { body: typeof sent === 'string' ? sent : JSON.stringify(sent) }),
    });
    const text = await reply.text();
    const { status } = reply;
    return {
      status,
      headers: reply.headers,
      text,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
  };

/** A directory with its own token. */
export async function directory(provider: Provider): Promise<{ scim: Scim; token: string; id: string }> {
  const { token, record } = await provider.operator.scimTokens.create(shellOperator(systemActor), {});
  return { scim: scimAs(provider, token), token, id: record.id };
}

export const listed = ({ body }: ScimReply): Record<string, unknown>[] =>
  body['Resources'] as Record<string, unknown>[];

export const idOf = ({ body }: ScimReply): string => String(body['id']);

export const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';

export const patchOf = (...Operations: unknown[]) => ({ schemas: [PATCH], Operations });
