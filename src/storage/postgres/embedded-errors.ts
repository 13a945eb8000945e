import { StartupError } from '../../core/errors.ts';

/**
 * Explains a failed file operation under DATA_DIR to the operator.
 * @returns a StartupError, or `error` itself when it is not a known one.
 */
export function explainFileError(error: unknown, folder: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return new StartupError(
        `DATA_DIR (${folder}) is not a folder. Set DATA_DIR to a folder, or move that file away.`,
        {
          cause: error,
        },
      );
    case 'EACCES':
    case 'EPERM':
      return new StartupError(
        `DATA_DIR (${folder}) cannot be written by this user. Run as its owner, change the owner, or choose another DATA_DIR.`,
        { cause: error },
      );
    case 'EROFS':
      return new StartupError(
        `DATA_DIR (${folder}) is on a read-only file system. Make it writable, or choose another DATA_DIR.`,
        {
          cause: error,
        },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new StartupError(
        `The disk that holds DATA_DIR (${folder}) is full. Free at least 200 MB, or choose another DATA_DIR.`,
        {
          cause: error,
        },
      );
    default:
      return error;
  }
}

const REASONS: [pattern: RegExp, code: string][] = [
  [/No space left on device|Disk quota exceeded/i, 'ENOSPC'],
  [/Read-only file system/i, 'EROFS'],
  [/Permission denied/i, 'EACCES'],
];

/**
 * Explains the output of PostgreSQL's programs to the operator. `task` names what failed: "PostgreSQL did not
 * start".
 */
export function explainOutput(task: string, output: string, folder: string, logFile?: string): StartupError {
  const known = REASONS.find(([pattern]) => pattern.test(output));
  const explained = known && explainFileError(Object.assign(new Error(output), { code: known[1] }), folder);
  if (explained instanceof StartupError) return explained;
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((line) => /FATAL|PANIC|error:/i.test(line)) ?? lines.at(-1) ?? 'it said nothing';
  return new StartupError(
    `${task}: ${line.replace(/^.*?(FATAL|PANIC|error|initdb):\s*(error:\s*)?/, '')}${logFile ? ` (see ${logFile})` : ''}`,
  );
}
