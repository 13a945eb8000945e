/** What a server needs, looked at one by one: for `postern doctor`, and for operators by a running server. */
import type { Config } from '../../config/index.ts';
import { checkContracts, checkMail, checkPublicUrl, checkRegistration } from './checks.ts';
import { type Finding, ok } from './finding.ts';
import { checkSources } from './legacy.ts';
import { checkRedis } from './redis.ts';

/**
 * Looks at everything but the configuration's form, which has been read by now.
 * @param checkDatabase looks at the database and what is in it
 * @param open the contracts that are open, where it is known better than by the configuration
 */
export async function examine(
  config: Config,
  checkDatabase: () => Promise<Finding[]>,
  open?: readonly string[],
): Promise<Finding[]> {
  const parts = await Promise.all([
    checkDatabase(),
    checkRedis(config),
    checkMail(config),
    checkPublicUrl(config),
    checkSources(config),
  ]);
  const mode = config.production ? 'production' : 'development';
  const contracts = open ? { ...config.contracts, enabled: [...open] } : config.contracts;
  return [
    ok('configuration', `no mistakes; for ${mode}`),
    ...parts.flat(),
    ...(await checkContracts({ ...config, contracts })),
    checkRegistration(config),
  ];
}
