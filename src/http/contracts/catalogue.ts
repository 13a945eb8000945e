import type { ContractSettings } from '../../config/index.ts';
import { StartupError } from '../../core/errors.ts';
import type { ContractCatalogue } from '../../domain/contract-doors.ts';
import { mountsOf, openContracts, planMounts } from './mounts.ts';
import { loadContracts } from './registry.ts';

/** The contracts, as shown to operators. @throws StartupError when one of `contracts.modules` cannot be used. */
export async function contractCatalogue(
  settings: ContractSettings,
  publicUrl: string,
): Promise<ContractCatalogue> {
  const contracts = await loadContracts(settings.modules);
  return {
    all: openContracts(mountsOf(contracts, settings), publicUrl).map(({ contract, urls }) => ({
      name: contract.name,
      title: contract.title,
      documentVersion: contract.version,
      urls,
      basePath: contract.basePath,
      givesAway: contract.givesAway(settings),
      pages: Object.keys(contract.pages),
      openapiPath: contract.openapiPath,
      endpoints: new Map(
        contract.operations.map(({ id, method, path }) => [
          id,
          `${method.toUpperCase()} ${contract.basePath}${path}`,
        ]),
      ),
    })),
    conflict(open) {
      try {
        planMounts(contracts, { ...settings, enabled: [...open] });
        return null;
      } catch (error) {
        if (!(error instanceof StartupError)) throw error;
        return error.message;
      }
    },
  };
}
