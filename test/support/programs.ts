import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';

interface Wanted {
  /** Possible names of the file. */
  names: string[];
  /** Its Debian package. */
  debian: string;
  /** Folders to search besides PATH: administrators' programs may not be in a user's PATH. */
  folders?: string[];
  /** A slower substitute where the package is not available. */
  instead?: string[];
  /** A library that another program loads. */
  isModule?: boolean;
}

/** The programs that tests need besides npm's packages. */
const PROGRAMS = {
  'redis-server': { names: ['redis-server', 'valkey-server'], debian: 'redis-server' },
  'pgbouncer': { names: ['pgbouncer'], debian: 'pgbouncer', folders: ['/usr/sbin'] },
  'psql': { names: ['psql'], debian: 'postgresql-client' },
  // The headless Chromium, which takes less than half the time.
  'chromium': {
    names: ['chromium-headless-shell'],
    debian: 'chromium-headless-shell',
    instead: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'],
  },
  // Not the package apache2, which starts a service.
  'apache2': { names: ['apache2'], debian: 'apache2-bin', folders: ['/usr/sbin'] },
  'mod_auth_openidc': {
    names: ['mod_auth_openidc.so'],
    debian: 'libapache2-mod-auth-openidc',
    folders: ['/usr/lib/apache2/modules'],
    isModule: true,
  },
  // Debian's python3 alone cannot make a virtual environment.
  'python3': { names: ['python3'], debian: 'python3-venv' },
} satisfies Record<string, Wanted>;

export type Program = keyof typeof PROGRAMS;

export const programs = Object.keys(PROGRAMS) as Program[];

const instead = (name: Program): string[] => (PROGRAMS[name] as Wanted).instead ?? [];

async function find({
  names,
  folders = [],
  isModule = false,
}: Omit<Wanted, 'debian'>): Promise<string | null> {
  for (const folder of [...(process.env['PATH'] ?? '').split(path.delimiter), ...folders]) {
    for (const name of names) {
      const file = path.join(folder, name);
      if (
        await access(file, isModule ? constants.R_OK : constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return file;
    }
  }
  return null;
}

async function install(aptGet: string, packages: string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const child = spawn(aptGet, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
    await once(child, 'close');
  }
}

/**
 * Finds programs, installing Debian's packages when some are missing and this user may.
 * @returns their absolute paths, in the order of the names.
 * @throws naming what to install when it cannot.
 */
export async function findPrograms(wanted: Program[]): Promise<string[]> {
  const search = () => Promise.all(wanted.map((name) => find(PROGRAMS[name])));
  const missing = (paths: (string | null)[]) => wanted.filter((_, index) => paths[index] === null);
  let paths = await search();
  const aptGet = process.getuid?.() === 0 ? await find({ names: ['apt-get'] }) : null;
  if (missing(paths).length > 0 && aptGet) {
    await install(
      aptGet,
      missing(paths).map((name) => PROGRAMS[name].debian),
    );
    paths = await search();
  }
  // Substitutes come last: they are slower.
  const others = await Promise.all(wanted.map((name) => find({ names: instead(name) })));
  paths = paths.map((found, index) => found ?? others[index] ?? null);
  const absent = missing(paths).map((name) => `${name} (Debian: ${PROGRAMS[name].debian})`);
  if (absent.length > 0)
    throw new Error(`The tests need ${absent.join(' and ')}; install it and run them again.`);
  return paths as string[];
}
