import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { chmod, lchown, readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { StartupError } from '../../core/errors.ts';

const execute = promisify(execFile);
const NAME = 'postgres';

/** Runs a program with the given capabilities (util-linux). */
const SETPRIV = 'setpriv';

interface Owner {
  uid: number;
  gid: number;
}

/** The account that PostgreSQL's programs run as. They refuse root. */
export interface Account {
  /** Owner of the files. Null for the current user. */
  owner: Owner | null;
  /** Runs one of PostgreSQL's programs under this account, in a clean environment. */
  launch(program: string, args: string[], options: SpawnOptions): ChildProcess;
}

const ids = async (): Promise<Owner> => {
  const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => execute('id', [flag, NAME])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
};

/** The system account `postgres`, created when missing. */
async function systemAccount(): Promise<Owner> {
  const existing = await ids().catch(() => null);
  if (existing) return existing;
  try {
    await execute('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/usr/sbin/nologin',
      NAME,
    ]);
    return await ids();
  } catch (cause) {
    throw new StartupError(
      `PostgreSQL does not run as root, and the user "${NAME}" could not be made for it. Create that user, start Postern as another user than root, or set DATABASE_URL.`,
      { cause },
    );
  }
}

/** Whether `owner` may enter (or run) `target` and every folder on the way to it. */
async function reachable(target: string, owner: Owner): Promise<boolean> {
  for (let at = await realpath(target); ; at = path.dirname(at)) {
    const { uid, gid, mode } = await stat(at);
    const bits = uid === owner.uid ? mode >> 6 : gid === owner.gid ? mode >> 3 : mode;
    if ((bits & 1) === 0) return false;
    if (at === path.dirname(at)) return true;
  }
}

/**
 * When only root may enter a folder on the way (a clone under /root, a temporary folder), PostgreSQL keeps the one
 * capability that passing takes: CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE in containers and for closed files. Without
 * no_setuid_fixup, access(2) would ignore it, and PostgreSQL calls that on its own programs.
 */
async function passage(owner: Owner, paths: string[]): Promise<string[]> {
  const identity = ['--reuid', String(owner.uid), '--regid', String(owner.gid), '--clear-groups'];
  const test = ['test', ...paths.flatMap((each) => ['-a', '-x', each]).slice(1)];
  for (const capability of ['dac_read_search', 'dac_override']) {
    const kept = ['--inh-caps', `-all,+${capability}`, '--ambient-caps', `+${capability}`];
    const args = [...identity, ...kept, '--securebits', '+no_setuid_fixup'];
    const passes = await execute(SETPRIV, [...args, ...test]).catch(() => null);
    if (passes) return args;
  }
  throw new StartupError(
    `PostgreSQL does not run as root, and the user it runs as instead cannot reach ${paths.join(' or ')}. Move Postern and DATA_DIR out of folders that only root may enter, start it as another user than root, or set DATABASE_URL.`,
  );
}

/**
 * The account for a cluster under `folder`.
 * @param postgres the server program, which the account must be able to run
 * @param owner who owns the cluster's files; null when there is none yet
 * @throws StartupError when running as root and no other account can be used.
 */
export async function accountFor(folder: string, postgres: string, owner: Owner | null): Promise<Account> {
  const options: SpawnOptions = { env: { LC_ALL: 'C' } };
  if (process.getuid?.() !== 0) {
    return { owner: null, launch: (program, args, more) => spawn(program, args, { ...options, ...more }) };
  }
  const account = owner && owner.uid !== 0 ? owner : await systemAccount();
  const paths = [folder, postgres];
  const open = await Promise.all(paths.map((each) => reachable(each, account)));
  if (!open.includes(false)) {
    return {
      owner: account,
      launch: (program, args, more) => spawn(program, args, { ...options, ...account, ...more }),
    };
  }
  const privileges = await passage(account, paths);
  return {
    owner: account,
    launch: (program, args, more) =>
      spawn(SETPRIV, [...privileges, program, ...args], { ...options, ...more }),
  };
}

/** Mode bits of group and others that PostgreSQL refuses on its data directory. */
const TOO_OPEN = 0o027;

/**
 * Restores owner and mode of a cluster's files. A copy (`cp -r`) belongs to whoever made it and may be readable by
 * others. Call it only while no server runs.
 * @param data PostgreSQL's data directory
 */
export async function reclaim(data: string, { owner }: Account): Promise<void> {
  const { uid, mode } = await stat(data);
  if ((mode & TOO_OPEN) !== 0) await chmod(data, 0o700);
  if (!owner || uid === owner.uid) return;
  for (const name of [...(await readdir(data, { recursive: true })), '.'])
    await lchown(path.join(data, name), owner.uid, owner.gid);
}
