import type { Provider } from 'oidc-provider';
import type { UserRecord } from '../../storage/users.ts';
import { type Override, shape } from '../overrides/override.ts';

type FindUser = (id: string) => Promise<UserRecord | null>;

interface Interaction {
  result?: { login?: { accountId: string; securityVersion?: number } };
}

/**
 * A finished login waits in its interaction until the browser resumes. If the account's security version has changed
 * meanwhile, the login is void and the request continues as if nobody had signed in.
 */
function installLoginBinding(provider: Provider, findUser: FindUser): void {
  const Model = provider.Interaction;
  const find = Model.find.bind(Model) as (...args: unknown[]) => Promise<Interaction | undefined>;
  Object.assign(Model, {
    async find(...args: unknown[]) {
      const interaction = await find(...args);
      const { login } = interaction?.result ?? {};
      if (!interaction || login?.securityVersion === undefined) return interaction;
      const account = await findUser(login.accountId);
      if (account?.securityVersion !== login.securityVersion) delete interaction.result;
      return interaction;
    },
  });
}

export const loginBinding: Override<{ findUser: FindUser }> = {
  name: 'login-binding',
  why: 'the library continues a finished login whatever has happened to the account',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Interaction.find', 'Interaction.IN_PAYLOAD.result'),
  install: (provider, { findUser }) => installLoginBinding(provider, findUser),
};
