import type { Middleware } from 'koa';
import { ME_SCOPES } from '../../oidc/tokens/me-scopes.ts';
import { PERMISSIONS } from '../../domain/operators/permissions.ts';
import { docsPaths, serveDocs } from '../endpoints/docs.ts';
import type { Documented } from '../endpoints/endpoint.ts';
import { refuseMethod } from '../endpoints/reply.ts';
import { Routing } from '../endpoints/routing.ts';
import { allowAnyOrigin, answer, type HandlerDependencies, refuse } from './handler.ts';
import { management } from './management/index.ts';
import { messages } from './management/webhook-schemas.ts';
import { me } from './me/index.ts';
import type { ApiOperation } from './operation.ts';
import { Problem, PROBLEM_TYPE } from './problems.ts';

const BASE = '/api/v2';
const OPERATIONS = [...me, ...management];

const documentOf = ({ publicUrl, passwords }: HandlerDependencies): Documented<ApiOperation> => ({
  title: 'Postern API',
  version: '2.0.0',
  description:
    `What people do on their account pages and operators in the console, as an API. Access tokens are for the resource \`${publicUrl}${BASE}\` ` +
    '(RFC 8707) and are sent in the Authorization header, DPoP-bound ones with a proof. Operations that change how a person ' +
    'signs in need a login of the last ten minutes: 401 `insufficient_user_authentication` says what the next ' +
    'authorization request must ask for (RFC 9470). Errors are problem details (RFC 9457) with a stable `code`.',
  basePath: BASE,
  endpoints: OPERATIONS,
  passwords,
  messages,
  refusal: { schema: Problem, type: PROBLEM_TYPE },
  schemes: {
    oauth2: {
      type: 'oauth2',
      flows: {
        authorizationCode: {
          authorizationUrl: `${publicUrl}/oauth2/authorize`,
          tokenUrl: `${publicUrl}/oauth2/token`,
          refreshUrl: `${publicUrl}/oauth2/token`,
          scopes: { ...ME_SCOPES, ...PERMISSIONS },
        },
        clientCredentials: { tokenUrl: `${publicUrl}/oauth2/token`, scopes: { ...PERMISSIONS } },
      },
    },
  },
  securityOf: ({ scope, ...operation }) => [
    { oauth2: scope === null ? [] : [scope] },
    ...('otherScope' in operation && operation.otherScope ? [{ oauth2: [operation.otherScope] }] : []),
  ],
  pages: { [`${BASE}/docs`]: 'swagger' },
  openapiPath: `${BASE}/openapi.json`,
});

/** Answers everything under /api/v2. */
export function createApi(dependencies: Omit<HandlerDependencies, 'basePath'>): Middleware {
  const deps = { ...dependencies, basePath: BASE };
  const document = documentOf(deps);
  const docs = docsPaths(document);
  const routing = new Routing({ basePath: BASE, operations: OPERATIONS });
  return async (ctx) => {
    const { path } = ctx;
    ctx.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    if (allowAnyOrigin(ctx)) return;
    try {
      if (!docs.has(path)) await answer(ctx, routing, deps);
      else if (ctx.method === 'GET' || ctx.method === 'HEAD') serveDocs(ctx, document, '', path);
      else throw refuseMethod(ctx, ['GET', 'HEAD']);
    } catch (error) {
      refuse(ctx, error, deps);
    }
  };
}
