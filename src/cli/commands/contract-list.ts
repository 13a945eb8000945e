import { loadConfig } from '../../config/index.ts';
import type { ContractDoor } from '../../domain/contract-doors.ts';
import { contractCatalogue } from '../../http/contracts/catalogue.ts';
import { planMounts } from '../../http/contracts/mounts.ts';
import { allContracts } from '../../http/contracts/registry.ts';
import { manager } from '../operator.ts';
import { type Report, table } from '../report.ts';
import { isDatabaseHere, withCore } from '../session.ts';

/** The contracts as the configuration alone has them. @throws StartupError as a server would. */
function configured(): ContractDoor[] {
  const { contracts, publicUrl } = loadConfig();
  const open = new Set(planMounts(allContracts, contracts).map(({ contract }) => contract.name));
  return contractCatalogue(contracts, publicUrl).all.map((one) => ({
    ...one,
    open: open.has(one.name),
    configured: open.has(one.name),
    forced: null,
    version: 1,
  }));
}

/** Every contract, and where it answers. @throws ConfigError, StartupError as a server would. */
export async function listContracts(): Promise<Report> {
  const byConfiguration = configured();
  // What operators said since is in the database.
  const doors = (await isDatabaseHere())
    ? await withCore(({ contractDoors }) => contractDoors.list(manager()))
    : byConfiguration;
  const all = doors.map((door) => {
    const urls = door.open ? door.urls : [];
    const underFirst = (path: string): string[] => urls.slice(0, 1).map((url) => `${url}${path}`);
    return {
      name: door.name,
      title: door.title,
      version: door.documentVersion,
      open: door.open,
      configured: door.configured,
      urls,
      base_path: door.basePath,
      pages: door.pages.flatMap(underFirst),
      openapi: underFirst(door.openapiPath)[0] ?? null,
      gives_away: door.givesAway,
    };
  });
  const rows = all.map(({ name, title, open, urls }) => [name, title, open ? urls.join('  ') : 'closed']);
  return { json: { doors: all }, text: table(['name', 'document', 'answers at'], rows) };
}

/** Opens or closes a contract on all nodes at once. */
export async function openContract(name: string, open: boolean): Promise<Report> {
  const door = await withCore(({ contractDoors }) => contractDoors.set(manager(), name, open));
  const where = door.open ? ` It answers at ${door.urls.join(' and ')}.` : '';
  return {
    json: { name, open: door.open, configured: door.configured, urls: door.open ? door.urls : [] },
    text: `The contract ${name} is ${door.open ? 'open' : 'closed'} on all nodes.${where}`,
  };
}
