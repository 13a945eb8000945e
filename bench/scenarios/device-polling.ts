import { expectStatus } from '../client/connection.ts';
import { DEVICE_CODE, endpoints, type Scenario } from './scenario.ts';

/**
 * A device polls for tokens that are not approved yet (RFC 8628 section 3.4). At this rate Postern replies
 * `slow_down`; the bare library does not.
 */
export const devicePolling: Scenario = async ({ device: { id } }, connection) => {
  const begun = await connection.post(endpoints.device, {
    form: new URLSearchParams({ client_id: id, scope: 'openid' }),
  });
  expectStatus(begun, 200, 'device authorization');
  const { device_code } = JSON.parse(begun.body) as { device_code: string };
  const form = new URLSearchParams({ grant_type: DEVICE_CODE, client_id: id, device_code });
  return async () => {
    const reply = await connection.post(endpoints.token, { form });
    if (!/"error":"(authorization_pending|slow_down)"/.test(reply.body)) throw new Error(reply.body);
  };
};
