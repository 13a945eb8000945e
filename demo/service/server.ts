/** The service account at work, on a page: each reload it calls the API, and tries two things that are refused. */
import Koa from 'koa';
import { decodeJwt } from 'jose';
import { html, page, table } from '../shared/html.ts';
import { listen, type Listening } from '../shared/listen.ts';
import { stylesheet } from '../shared/stylesheet.ts';
import { createResourceServer } from './resource-server.ts';
import { createServiceAccount, type ServiceAccountOptions } from './service-account.ts';

export interface ServiceOptions extends ServiceAccountOptions {
  port: number;
}

/** The identifier of the API, as it is registered. */
export const apiOf = (port: number): string => `http://localhost:${port}/api`;

export async function startService({ port, ...account }: ServiceOptions): Promise<Listening> {
  const api = apiOf(port);
  const accessToken = await createServiceAccount(account);
  const resourceServer = await createResourceServer({ issuer: account.issuer, audience: api });

  const call = async (method: string, token: string) => {
    const reply = await fetch(`${api}/reports`, { method, headers: { Authorization: `Bearer ${token}` } });
    return { status: reply.status, body: await reply.text() };
  };

  const app = new Koa();
  app.use(stylesheet);
  app.use(resourceServer.routes());
  app.use(async (ctx) => {
    if (ctx.path !== '/') return;
    const token = await accessToken({ resource: api, scope: 'reports:read' });
    const calls = [
      { what: 'GET /api/reports', ...(await call('GET', token)) },
      { what: 'POST /api/reports, without the scope for it', ...(await call('POST', token)) },
      {
        what: 'GET /api/reports, with a token that was changed on the way',
        ...(await call('GET', `${token.slice(0, -8)}changed0`)),
      },
    ];
    ctx.set('Content-Security-Policy', "default-src 'none'; style-src 'self'; img-src data:");
    ctx.body = page(
      'Courier, a service account',
      html`<main>
        <p class="kind">Service account and resource server · openid-client, jose</p>
        <h1>Courier</h1>
        <p>A program that calls an API for itself. Nobody signs in. It has just done this:</p>
        ${calls.map(
          ({ what, status, body }) =>
            html`<h2>${what}</h2>
              <p class="${status < 400 ? 'status' : 'status refused'}">${status}</p>
              <p><code>${body}</code></p>`,
        )}
        <h2>Its access token</h2>
        ${table(decodeJwt(token))}
      </main>`,
    );
  });
  return listen(app, port);
}
