import * as oidc from 'openid-client';
import { answer } from './flow.ts';
import type { Client, Person, Provider } from './provider.ts';
import { UserAgent } from './user-agent.ts';

/** A client based on openid-client: it accepts what the specifications say, not what we think. */
export async function relyingParty(
  { url }: Pick<Provider, 'url'>,
  client: Client,
  metadata: Partial<oidc.ClientMetadata> = {},
  authentication?: oidc.ClientAuth,
): Promise<oidc.Configuration> {
  return oidc.discovery(
    new URL(url),
    client.id,
    { ...(client.secret ? { client_secret: client.secret } : {}), ...metadata },
    authentication,
    { execute: [oidc.allowInsecureRequests] },
  );
}

/** The parameters of an authorization request, and the checks of its response. */
export interface Attempt {
  parameters: Record<string, string>;
  checks: oidc.AuthorizationCodeGrantChecks;
}

export async function attempt(client: Client, parameters: Record<string, string> = {}): Promise<Attempt> {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedNonce = oidc.randomNonce();
  const expectedState = oidc.randomState();
  return {
    parameters: {
      redirect_uri: client.redirectUri,
      scope: 'openid profile email',
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      nonce: expectedNonce,
      state: expectedState,
      ...parameters,
    },
    checks: { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true },
  };
}

/** Sends the person through an authorization request. @returns the URL of the redirect to the client. */
export async function visit(provider: Pick<Provider, 'url'>, url: URL, person: Person): Promise<URL> {
  const agent = new UserAgent(provider.url);
  const { leftFor, html } = await answer(agent, await agent.open(url), person);
  if (!leftFor) throw new Error(`not back at the client: ${html.slice(0, 800)}`);
  return leftFor;
}
