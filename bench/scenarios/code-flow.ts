import { signIn } from '../client/sign-in.ts';
import type { Scenario } from './scenario.ts';

/** Authorization code flow with PKCE on an existing session: two requests, authorize and token. */
export const codeFlow: Scenario = async (target, connection, index) => {
  const { authorize, exchange } = await signIn(target, connection, index);
  return async () => {
    const { id_token } = await exchange(await authorize({ scope: 'openid' }));
    if (!id_token) throw new Error('the code flow brought no ID token');
  };
};

/** The same with a pushed authorization request (RFC 9126): three requests. */
export const pushedCodeFlow: Scenario = async (target, connection, index) => {
  const { push, exchange } = await signIn(target, connection, index);
  return async () => {
    const { id_token } = await exchange(await push({ scope: 'openid' }));
    if (!id_token) throw new Error('the code flow brought no ID token');
  };
};
