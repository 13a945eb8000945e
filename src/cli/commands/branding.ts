import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { isDomainError } from '../../core/errors.ts';
import type {
  BrandingChanges,
  BrandingRecord,
  BrandingService,
  Look,
} from '../../domain/operators/branding.ts';
import { UsageError } from '../failure.ts';
import { manager } from '../operator.ts';
import { integer, jsonFile } from '../options.ts';
import { type Report, reporting, table } from '../report.ts';

const brandingOf = async <T>(work: (branding: BrandingService) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ branding }) => work(branding));
};

const lookOf = ({ logo, logo_dark: dark, ...look }: Look) => ({
  ...look,
  ...(logo && { logo: { type: logo.type } }),
  ...(dark && { logo_dark: { type: dark.type } }),
});

function reportOf({ version, content: { apps = {}, ...whole } }: BrandingRecord): Report {
  const named = Object.fromEntries(Object.entries(apps).map(([id, look]) => [id, lookOf(look)]));
  const json = { version, ...lookOf(whole), apps: named };
  return { json, text: JSON.stringify(json, null, 2) };
}

const TYPES: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
};

/** @throws UsageError. */
function imageIn(file: string): { type: string; data: string } {
  const type = TYPES[path.extname(file).toLowerCase()];
  if (type === undefined) throw new UsageError('The logo must be a PNG, JPEG or WebP file.');
  try {
    return { type, data: readFileSync(file).toString('base64') };
  } catch (error) {
    throw new UsageError(`Cannot read the logo: ${(error as Error).message}`);
  }
}

interface UpdateOptions {
  file?: BrandingChanges;
  name?: string;
  logo?: string;
  darkLogo?: string;
  color?: string;
  darkColor?: string;
}

async function update({
  file = {},
  name,
  logo,
  darkLogo,
  color: light,
  darkColor: dark,
}: UpdateOptions): Promise<Report> {
  const changes: BrandingChanges = {
    ...file,
    ...(name === undefined ? {} : { name }),
    ...(logo === undefined ? {} : { logo: imageIn(logo) }),
    ...(darkLogo === undefined ? {} : { logo_dark: imageIn(darkLogo) }),
    ...(light === undefined && dark === undefined ? {} : { colors: { light, dark } }),
  };
  try {
    return reportOf(await brandingOf((branding) => branding.update(manager(), changes)));
  } catch (error) {
    if (!isDomainError(error, 'invalid_request')) throw error;
    throw new UsageError(`${error.details.field} ${error.details.reason ?? 'is invalid'}`);
  }
}

export function addBranding(program: Command): void {
  const branding = program.command('branding').description('manage the look and the texts of pages and mail');
  reporting(branding.command('show').description('show what differs from the configuration'), async () =>
    reportOf(await brandingOf((service) => service.show())),
  );
  reporting(
    branding
      .command('update')
      .description('change the given values, on all nodes at once')
      .option('--name <name>', 'name of this service on the pages')
      .option('--logo <file>', 'PNG, JPEG or WebP file of at most 32 KiB')
      .option('--dark-logo <file>', 'logo in dark mode')
      .option('--color <#rrggbb>', 'colour of buttons and links')
      .option('--dark-color <#rrggbb>', 'the same in dark mode')
      .option('--file <json>', 'JSON file with the changes, as for the management API', jsonFile),
    update,
  );
  reporting(
    branding.command('history').description('list the latest versions, newest first, with what each changed'),
    async () => {
      const versions = await brandingOf((service) => service.history());
      const rows = versions.map((one) => [
        String(one.version),
        one.createdAt.toISOString(),
        one.changed.join(' '),
      ]);
      return {
        json: {
          versions: versions.map(({ version, createdAt, changed }) => ({
            version,
            created_at: createdAt.toISOString(),
            changed,
          })),
        },
        text: table(['version', 'since', 'changed'], rows),
      };
    },
  );
  reporting(
    branding
      .command('undo')
      .description('restore the previous version, as a new one')
      .option('--to <version>', 'restore this version instead', integer(1, 2_147_483_647)),
    async ({ to }: { to?: number }) =>
      reportOf(await brandingOf((service) => service.undo(manager(), undefined, to))),
  );
}
