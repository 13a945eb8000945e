/** An MCP server and, on a page, an agent that uses it: both by the official SDK. */
import { text } from 'node:stream/consumers';
import Koa from 'koa';
import { html, page, table } from '../shared/html.ts';
import { listen, type Listening } from '../shared/listen.ts';
import { stylesheet } from '../shared/stylesheet.ts';
import { Assistant } from './assistant.ts';
import { createTools, metadataPath, protectedResource, SCOPES } from './tools.ts';

export interface McpOptions {
  issuer: string;
  port: number;
}

/** The URL of the MCP server, as `postern mcp add` is told it. */
export const mcpUrlOf = (port: number): string => `http://localhost:${port}/mcp`;

/** A message; what is no JSON is none, and nothing that needs more than to be refused. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}

export function startMcp({ issuer, port }: McpOptions): Promise<Listening> {
  const url = mcpUrlOf(port);
  const tools = createTools({ issuer, url });
  // One for whoever looks at the demo: a program on a person's own computer.
  const assistant = new Assistant(url, `http://localhost:${port}/callback`);

  const app = new Koa();
  app.use(stylesheet);
  app.use(async (ctx, next) => {
    if (ctx.path === metadataPath(url)) {
      ctx.set('Access-Control-Allow-Origin', '*');
      ctx.body = protectedResource({ issuer, url });
    } else if (ctx.path === '/mcp' && ctx.method === 'POST') {
      const message = parsed(await text(ctx.req));
      ctx.respond = false;
      await tools(ctx.req, ctx.res, message);
    } else if (ctx.path === '/connect') {
      ctx.redirect(await assistant.ask(ctx.query['scope'] === SCOPES.write ? SCOPES.write : SCOPES.read));
    } else if (ctx.path === '/callback') {
      const { code, state } = ctx.query;
      if (typeof code === 'string') await assistant.finish(code, String(state));
      ctx.redirect('/');
    } else {
      await next();
    }
  });
  app.use(async (ctx) => {
    if (ctx.path === '/write' && ctx.method === 'POST' && assistant.isConnected) {
      await assistant.call('write_note');
      ctx.redirect('/');
    }
    if (ctx.path !== '/') return;
    const { client_id: clientId } = assistant.clientInformation() ?? {};
    // What was ended at the provider is connected again.
    const answered = assistant.isConnected ? await assistant.call('list_notes').catch(() => null) : null;
    const mayWrite = answered !== null && assistant.scope.includes(SCOPES.write);
    const connect = answered === null ? ['Connect', SCOPES.read] : ['Let it write', SCOPES.write];
    ctx.set(
      'Content-Security-Policy',
      "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'",
    );
    ctx.body = page(
      'Scribe, an MCP server and its agent',
      html`<main>
        <p class="kind">MCP server and agent · @modelcontextprotocol/sdk</p>
        <h1>Scribe</h1>
        <p>An agent that nobody registered asks for what it needs, and for more when a tool needs more.</p>
        ${
          answered === null
            ? ''
            : html`<h2>list_notes</h2>
                <p><code>${answered}</code></p>
                ${table({ 'client_id': clientId, 'scope': assistant.scope, 'MCP server': url })}`
        }
        ${
          mayWrite
            ? html`<form class="actions" method="post" action="/write"><button>Write a note</button></form>`
            : html`<p class="actions">
                <a class="button" href="/connect?scope=${connect[1]}">${connect[0]}</a>
              </p>`
        }
      </main>`,
    );
  });
  return listen(app, port);
}
