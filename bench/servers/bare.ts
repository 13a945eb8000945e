/**
 * A bare oidc-provider with Postern's settings, in memory or on the same stores through the same adapters. Its
 * sign-in page accepts everybody: only the requests after it are measured.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { bareConfiguration } from './configuration.ts';
import { serverSettings } from './settings.ts';
import { openStores } from './stores.ts';

const settings = serverSettings();
const jwks = await Promise.all(
  ['ES256', 'RS256'].map(async (alg) => {
    const { privateKey } = await generateKeyPair(alg, { extractable: true });
    return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `bench-${alg}` };
  }),
);
const { configuration, accountIds } = await openStores(settings);
const provider = new Provider(settings.issuer, {
  ...bareConfiguration(settings),
  ...configuration,
  jwks: { keys: jwks },
});
provider.proxy = true;

let turn = 0;

/** Signs the next account in and consents to all that is requested. */
async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    const accountId = accountIds[turn++ % accountIds.length]!;
    await provider.interactionFinished(request, response, { login: { accountId } });
    return;
  }
  const grant =
    (grantId && (await provider.Grant.find(grantId))) ||
    new provider.Grant({ accountId: session!.accountId, clientId: String(params['client_id']) });
  grant.addOIDCScope(String(params['scope']));
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

const callback = provider.callback();
createServer((request, response) => {
  const answered = request.url?.startsWith('/interaction/')
    ? interact(request, response)
    : callback(request, response);
  answered.catch((error: unknown) => response.writeHead(500).end(String(error)));
}).listen(settings.port, '127.0.0.1');
