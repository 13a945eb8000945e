import { Provider } from 'oidc-provider';

type Token = InstanceType<Provider['RegistrationAccessToken']>;

/**
 * A registration access token ends when its successor has been saved (RFC 7592 section 2.2). The library ends it before,
 * and a client whose update broke off in between could never manage itself again.
 */
export function installTokenRotation({ RegistrationAccessToken }: Provider): void {
  const { destroy, save } = RegistrationAccessToken.prototype;
  const rotated = () => Provider.ctx?.oidc.entities['RotatedRegistrationAccessToken'];
  Object.assign(RegistrationAccessToken.prototype, {
    async destroy(this: Token) {
      if (rotated() !== this) await destroy.call(this);
    },
    async save(this: Token) {
      const id = await save.call(this);
      const old = rotated();
      if (old) await destroy.call(old);
      return id;
    },
  });
}
