import type { ContractSettings } from '../../config/index.ts';
import { StartupError } from '../../core/errors.ts';
import type { ContractCatalogue } from '../../domain/contract-doors.ts';
import { mountsOf, openContracts, planMounts } from './mounts.ts';
import { allContracts } from './registry.ts';

/** The contracts as operators know them. */
export const contractCatalogue = (settings: ContractSettings, publicUrl: string): ContractCatalogue => ({
  all: openContracts(mountsOf(allContracts, settings), publicUrl).map(({ contract, urls }) => ({
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
      planMounts(allContracts, { ...settings, enabled: [...open] });
      return null;
    } catch (error) {
      if (!(error instanceof StartupError)) throw error;
      return error.message;
    }
  },
});
