import { expectStatus } from '../client/connection.ts';
import { signIn } from '../client/sign-in.ts';
import { endpoints, type Scenario } from './scenario.ts';

/** The userinfo endpoint (OpenID Connect Core section 5.3) with an opaque access token. */
export const userinfo: Scenario = async (target, connection, index) => {
  const { authorize, exchange } = await signIn(target, connection, index);
  const { access_token: token } = await exchange(await authorize({ scope: 'openid profile email' }));
  const message = { headers: { authorization: `Bearer ${token}` } };
  return async () => expectStatus(await connection.get(endpoints.userinfo, message), 200, 'userinfo');
};
