import type { Config } from '../../config/index.ts';
import { openContracts, planMounts } from '../../http/contracts/mounts.ts';
import { allContracts } from '../../http/contracts/registry.ts';
import { StartupError } from '../../core/errors.ts';
import { type Finding, ok, problem } from './finding.ts';

/** Which contracts are open, and what each tells strangers because its document says so. */
export function checkContracts({ contracts, publicUrl }: Config): Finding[] {
  try {
    const open = openContracts(planMounts(allContracts, contracts), publicUrl).map(({ contract, urls }) => {
      const parts = [`open at ${urls.join(' and ')}`, ...contract.givesAway(contracts)];
      return ok(`contract ${contract.name}`, parts.join('; '));
    });
    if (open.length > 0) return open;
    const names = allContracts.map(({ name }) => name).join(', ');
    return [ok('contracts', `none is open; CONTRACTS opens those that it names: ${names}`)];
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return [problem('contracts', error.message, 'Correct it in config/*.yaml.')];
  }
}
