import { loadConfig } from '../../config/index.ts';
import { openDoors, planMounts } from '../../http/contracts/mounts.ts';
import { doors } from '../../http/contracts/registry.ts';
import { type Report, table } from '../report.ts';

/** Every door, and where it answers. @throws ConfigError, StartupError as a server would. */
export async function listDoors(): Promise<Report> {
  const { contracts, publicUrl } = loadConfig();
  const open = openDoors(planMounts(doors, contracts), publicUrl);
  const all = doors.map((door) => {
    const urls = open.find((one) => one.door === door)?.urls ?? [];
    const underFirst = (path: string): string[] => urls.slice(0, 1).map((url) => `${url}${path}`);
    return {
      name: door.name,
      title: door.title,
      version: door.version,
      open: urls.length > 0,
      urls,
      base_path: door.basePath,
      pages: Object.keys(door.pages).flatMap(underFirst),
      openapi: underFirst(door.openapiPath)[0] ?? null,
      gives_away: door.givesAway(contracts),
    };
  });
  const rows = all.map(({ name, title, open, urls }) => [name, title, open ? urls.join('  ') : 'closed']);
  return { json: { doors: all }, text: table(['name', 'document', 'answers at'], rows) };
}
