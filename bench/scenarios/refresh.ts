import { basic, expectStatus } from '../client/connection.ts';
import { signIn } from '../client/sign-in.ts';
import { endpoints, type Scenario } from './scenario.ts';

/** Refresh (RFC 6749 section 6) with rotation and a new ID token: each connection follows its own chain. */
export const refresh: Scenario = async (target, connection, index) => {
  const { authorize, exchange } = await signIn(target, connection, index);
  const headers = { authorization: basic(target.web.id, target.web.secret) };
  let { refresh_token: token } = await exchange(
    await authorize({ scope: 'openid offline_access', prompt: 'consent' }),
  );
  if (token === undefined) throw new Error('no refresh token in the first reply');
  return async () => {
    const reply = await connection.post(endpoints.token, {
      headers,
      form: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token! }),
    });
    expectStatus(reply, 200, 'refresh');
    const tokens = JSON.parse(reply.body) as { refresh_token?: string; id_token?: string };
    if (!tokens.refresh_token || tokens.refresh_token === token || !tokens.id_token) {
      throw new Error('the refresh token did not rotate, or no ID token came with it');
    }
    token = tokens.refresh_token;
  };
};
