/**
 * `postern login`: authorization code and PKCE in the user's browser, ending on a loopback address (RFC 8252); or, where
 * there is no browser, a code for one elsewhere (RFC 8628).
 */
import * as openid from 'openid-client';
import { StartupError } from '../../core/errors.ts';
import { UsageError } from '../failure.ts';
import { facts, type Report } from '../report.ts';
import { withCore } from '../session.ts';
import { openBrowser } from './browser.ts';
import { ownClient, REDIRECT_URI } from './client.ts';
import { loginByDevice } from './device.ts';
import { listenForRedirect } from './redirect.ts';

export interface LoginOptions {
  clientId?: string;
  issuer?: string;
  scope: string;
  resource?: string;
  /** False with --no-browser. */
  browser: boolean;
  device?: boolean;
}

/** Seconds for the user to sign in. */
const TIMEOUT = 600;

/** Which provider, and as which client. */
async function party({ clientId, issuer }: LoginOptions): Promise<{ issuer: string; clientId: string }> {
  if (clientId !== undefined && issuer !== undefined) return { issuer, clientId };
  if (issuer !== undefined)
    throw new UsageError('--issuer needs --client-id: a public client of that provider.');
  return withCore(async ({ clients }, { publicUrl }) => ({
    issuer: publicUrl,
    clientId: clientId ?? (await ownClient(clients)),
  }));
}

async function discover(issuer: string, clientId: string): Promise<openid.Configuration> {
  const url = new URL(issuer);
  const execute = url.protocol === 'http:' ? [openid.allowInsecureRequests] : [];
  try {
    return await openid.discovery(url, clientId, undefined, openid.None(), { execute });
  } catch (error) {
    throw new StartupError(
      `No OpenID Provider answers at ${issuer} (${(error as Error).message}). Is the server running?`,
      { cause: error },
    );
  }
}

function refused(error: unknown): never {
  if (error instanceof openid.AuthorizationResponseError || error instanceof openid.ResponseBodyError) {
    throw new StartupError(`The provider refused: ${error.error_description ?? error.error}`, {
      cause: error,
    });
  }
  throw error;
}

/** Signs the user in and gives the tokens. @throws StartupError when the provider refuses or nobody signs in. */
export async function login(options: LoginOptions): Promise<Report> {
  const { issuer, clientId } = await party(options);
  const configuration = await discover(issuer, clientId);
  const resource = options.resource === undefined ? {} : { resource: options.resource };
  if (options.device) {
    const asked = { scope: options.scope, ...resource };
    const tokens = await loginByDevice(configuration, asked).catch(refused);
    return report(clientId, tokens, tokens.claims());
  }
  const redirect = await listenForRedirect(new URL(REDIRECT_URI).pathname);
  try {
    const codeVerifier = openid.randomPKCECodeVerifier();
    const state = openid.randomState();
    const url = openid.buildAuthorizationUrl(configuration, {
      redirect_uri: redirect.uri,
      scope: options.scope,
      code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      state,
      ...resource,
    }).href;
    // Not on standard output, which is for the tokens.
    console.error(`Sign in with your browser at:\n\n  ${url}\n`);
    if (options.browser) openBrowser(url);
    const arrival = await redirect.arrival(TIMEOUT);
    const checks = { pkceCodeVerifier: codeVerifier, expectedState: state };
    const tokens = await openid
      .authorizationCodeGrant(configuration, arrival, checks, resource)
      .catch(refused);
    return report(clientId, tokens, tokens.claims());
  } finally {
    redirect.close();
  }
}

function report(
  clientId: string,
  tokens: openid.TokenEndpointResponse,
  claims: openid.IDToken | undefined,
): Report {
  const { access_token, refresh_token, id_token, token_type, expires_in, scope } = tokens;
  const lines: [string, string | undefined][] = [
    ['access_token', access_token],
    ['refresh_token', refresh_token],
    ['id_token', id_token],
    ['expires_in', expires_in === undefined ? undefined : `${expires_in} s`],
    ['scope', scope],
    ['claims', claims && JSON.stringify(claims)],
  ];
  return {
    json: {
      client_id: clientId,
      access_token,
      refresh_token: refresh_token ?? null,
      id_token: id_token ?? null,
      token_type,
      expires_in: expires_in ?? null,
      scope: scope ?? null,
      claims: claims ?? null,
    },
    text: facts(lines.filter((pair): pair is [string, string] => pair[1] !== undefined)),
  };
}
