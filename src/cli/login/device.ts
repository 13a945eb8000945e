import * as openid from 'openid-client';

type Tokens = openid.TokenEndpointResponse & openid.TokenEndpointResponseHelpers;

/**
 * Signs in with a browser on any device (RFC 8628): shows the address and the code, and waits.
 * @param parameters `scope`, and `resource` where there is one.
 * @throws ResponseBodyError when the provider or the person refuses, or the code expires.
 */
export async function loginByDevice(
  configuration: openid.Configuration,
  parameters: Record<string, string>,
): Promise<Tokens> {
  const begun = await openid.initiateDeviceAuthorization(configuration, parameters);
  // Not on standard output, which is for the tokens.
  console.error(`Open on any device:\n\n  ${begun.verification_uri}\n\nand enter:\n\n  ${begun.user_code}\n`);
  const { scope: _scope, ...rest } = parameters;
  return openid.pollDeviceAuthorizationGrant(configuration, begun, rest);
}
