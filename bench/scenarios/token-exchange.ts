import { basic, expectStatus } from '../client/connection.ts';
import { signIn } from '../client/sign-in.ts';
import { endpoints, type Scenario } from './scenario.ts';

/** Exchanges a user's JWT for another one (RFC 8693). The bare library has no such grant. */
export const tokenExchange: Scenario = async (target, connection, index) => {
  const { exchanger, apis } = target;
  const { authorize, exchange } = await signIn(target, connection, index);
  const { access_token } = await exchange(await authorize({ scope: 'openid', resource: apis.jwt }));
  const message = {
    headers: { authorization: basic(exchanger.id, exchanger.secret) },
    form: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: access_token,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: apis.jwt,
    }),
  };
  return async () => expectStatus(await connection.post(endpoints.token, message), 200, 'token exchange');
};
