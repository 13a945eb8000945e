import type { Config } from '../../config/index.ts';
import { openDoors, planMounts } from '../../http/contracts/mounts.ts';
import { doors } from '../../http/contracts/registry.ts';
import { StartupError } from '../../core/startup-error.ts';
import { type Finding, ok, problem } from './finding.ts';

/** Which contract doors are open, and what each tells strangers because its document says so. */
export function checkContracts({ contracts, publicUrl }: Config): Finding[] {
  try {
    const open = openDoors(planMounts(doors, contracts), publicUrl).map(({ door, urls }) => {
      const parts = [`open at ${urls.join(' and ')}`, ...door.givesAway(contracts)];
      return ok(`contract ${door.name}`, parts.join('; '));
    });
    if (open.length > 0) return open;
    const names = doors.map(({ name }) => name).join(', ');
    return [ok('contracts', `none is open; CONTRACTS opens those that it names: ${names}`)];
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return [problem('contracts', error.message, 'Correct it in config/*.yaml.')];
  }
}
