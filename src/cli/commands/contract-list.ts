import { loadConfig } from '../../config/index.ts';
import { openContracts, planMounts } from '../../http/contracts/mounts.ts';
import { allContracts } from '../../http/contracts/registry.ts';
import { type Report, table } from '../report.ts';

/** Every contract, and where it answers. @throws ConfigError, StartupError as a server would. */
export async function listContracts(): Promise<Report> {
  const { contracts, publicUrl } = loadConfig();
  const open = openContracts(planMounts(allContracts, contracts), publicUrl);
  const all = allContracts.map((contract) => {
    const urls = open.find((one) => one.contract === contract)?.urls ?? [];
    const underFirst = (path: string): string[] => urls.slice(0, 1).map((url) => `${url}${path}`);
    return {
      name: contract.name,
      title: contract.title,
      version: contract.version,
      open: urls.length > 0,
      urls,
      base_path: contract.basePath,
      pages: Object.keys(contract.pages).flatMap(underFirst),
      openapi: underFirst(contract.openapiPath)[0] ?? null,
      gives_away: contract.givesAway(contracts),
    };
  });
  const rows = all.map(({ name, title, open, urls }) => [name, title, open ? urls.join('  ') : 'closed']);
  return { json: { doors: all }, text: table(['name', 'document', 'answers at'], rows) };
}
