import type { Provider } from 'oidc-provider';
import type { LogoutNotice } from '../../storage/logout-notices.ts';

type Client = NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>;

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/**
 * A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4), signed and encrypted as the client's ID tokens are,
 * good for two minutes.
 * @param jti the same at every try, so that a client that has taken it once can tell.
 */
export function logoutToken(
  { IdToken }: Provider,
  client: Client,
  { accountId, sid }: LogoutNotice,
  jti: string,
): Promise<string> {
  const token = new IdToken({ sub: accountId }, { client });
  // What of the claims is wanted: the subject, as this client knows it.
  Object.assign(token, { mask: { sub: null } });
  token.set('events', { [EVENT]: {} });
  token.set('jti', jti);
  if (client.backchannelLogoutSessionRequired) token.set('sid', sid);
  return token.issue({ use: 'logout' });
}
