/** Checks of everything that a server needs, for `postern doctor` and for operators of a running server. */
import type { Config } from '../../config/index.ts';
import { checkContracts, checkMail, checkPublicUrl, checkRegistration } from './checks.ts';
import { type Finding, ok } from './finding.ts';
import { checkSources } from './legacy.ts';
import { checkRedis } from './redis.ts';

/**
 * Runs all checks but that of the configuration's syntax, which has been read. @param checkDatabase checks the
 * database and its content @param open the open contracts, where known better than by the configuration
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
  const contracts = open ? { ...config.contracts, enabled: [...open] } : config.contracts;
  return [
    ok(
      'console.doctor.name.configuration',
      config.production ? 'console.doctor.production' : 'console.doctor.development',
    ),
    ...parts.flat(),
    ...(await checkContracts({ ...config, contracts })),
    checkRegistration(config),
  ];
}
