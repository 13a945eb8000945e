/** `npm run demo`: registers three relying parties and an MCP server with the Postern that runs beside it, and starts them. */
import path from 'node:path';
import { mcpUrlOf, startMcp } from './mcp/server.ts';
import { addMcpServer, register } from './registration.ts';
import { startService } from './service/server.ts';
import type { Listening } from './shared/listen.ts';
import { startSpa } from './spa/server.ts';
import { startWebApp } from './web-app/server.ts';

const { env } = process;
const issuer = env['PUBLIC_URL'] ?? `http://localhost:${env['PORT'] ?? 8000}`;
const dataDir = path.resolve(env['DATA_DIR'] ?? '.data');
const ports = { webApp: 9001, spa: 9002, service: 9003 };
const mcpPort = 9004;

async function start(): Promise<Listening[]> {
  const isUp = await fetch(`${issuer}/livez`).then(
    (reply) => reply.ok,
    () => false,
  );
  if (!isUp)
    throw new Error(`Postern does not answer at ${issuer}. Start it first, in another terminal: npm start`);
  const { webApp, spa, service } = await register({ issuer, ports, dataDir, env });
  await addMcpServer(mcpUrlOf(mcpPort), env);
  return Promise.all([
    startWebApp({ issuer, port: ports.webApp, ...webApp }),
    startSpa({ issuer, port: ports.spa, ...spa }),
    startService({ issuer, port: ports.service, ...service }),
    startMcp({ issuer, port: mcpPort }),
  ]);
}

try {
  const demos = await start();
  console.log(`
Three relying parties of ${issuer}, and an MCP server:

  Ledger   http://localhost:${ports.webApp}   a web app, with openid-client
  Atlas    http://localhost:${ports.spa}   a single-page app, with oidc-client-ts
  Courier  http://localhost:${ports.service}   a service account, and the API that it calls
  Scribe   http://localhost:${mcpPort}   an MCP server and an agent, with the official SDK

Open Ledger and create an account. Then sign in at Atlas: no password is asked.
Each is an example to copy from: demo/. Ctrl-C stops them.
`);
  const stop = () => void Promise.all(demos.map((demo) => demo.close()));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
} catch (error) {
  const { code, port, message } = error as NodeJS.ErrnoException & { port?: number };
  console.error(code === 'EADDRINUSE' ? `Port ${port} is taken: stop what listens there.` : message);
  process.exit(1);
}
