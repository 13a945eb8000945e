import { errors, type Provider } from 'oidc-provider';
import { sha256 } from '../../core/ids.ts';
import type { DeviceSignIns } from '../../storage/sign-ins.ts';
import type { SessionDevice } from '../sessions/browser-session.ts';

type DeviceCode = InstanceType<Provider['DeviceCode']>;
type Grant = InstanceType<Provider['Grant']>;

/** The approving session, by its grant for the client. */
interface Approval {
  accountId: string;
  sessionUid: string;
  grant: Grant;
}

/**
 * Records a device before its code can be redeemed. A device that outlives the session (`offline_access`) gets its own grant, so
 * that either ends without the other; the library binds the tokens of any other to the session's grant. A second attempt for the
 * same code and account writes the same.
 * @throws AccessDenied when the session has ended meanwhile.
 */
export async function signDeviceIn(
  provider: Provider,
  signIns: Pick<DeviceSignIns, 'add'>,
  code: DeviceCode,
  { accountId, sessionUid, grant }: Approval,
): Promise<void> {
  const id = sha256(JSON.stringify([accountId, code.jti]));
  const endsWithSession = !code.scopes.has('offline_access');
  let held = grant;
  if (!endsWithSession) {
    const { clientId, openid, resources, rejected, rar } = grant;
    held = Object.assign(new provider.Grant({ accountId, clientId }), {
      jti: id,
      openid,
      resources,
      rejected,
      rar,
    });
    await held.save();
    code.grantId = id;
    code.expiresWithSession = undefined;
  }
  const { userAgent, ip } = code.deviceInfo as unknown as SessionDevice;
  const device = { id, grantId: held.jti, sessionUid, endsWithSession, userAgent, ip };
  if (await signIns.add(device)) return;
  if (held !== grant) await held.destroy();
  throw new errors.AccessDenied('the session has ended');
}
