import type { Provider } from 'oidc-provider';
import type { Clock } from '../../kernel/clock.ts';

/** Tries at one code that come within this time of its redemption ran beside it, in seconds. */
const PARALLEL = 3;

interface Code {
  consumed?: unknown;
}
type Find = (value: string, options?: object) => Promise<Code | undefined>;

/**
 * A code that comes again ends all that it gave (RFC 6749 section 4.1.2); so do a device code and an auth_req_id. Not so
 * the losers of parallel tries: to them it looks unused until the store refuses it, or else whoever comes last would take
 * the winner's tokens away.
 */
export function installCodeRedemption(provider: Provider, { clock }: { clock: Clock }): void {
  const { AuthorizationCode, DeviceCode, BackchannelAuthenticationRequest } = provider;
  for (const Model of [AuthorizationCode, DeviceCode, BackchannelAuthenticationRequest]) {
    const find = Model.find.bind(Model) as unknown as Find;
    Object.assign(Model, {
      async find(value: string, options?: object) {
        const code = await find(value, options);
        // Adapters report the moment of consumption with fractions of a second.
        const isParallel =
          typeof code?.consumed === 'number' && clock.now() / 1000 - code.consumed < PARALLEL;
        if (isParallel) code.consumed = undefined;
        return code;
      },
    });
  }
}
