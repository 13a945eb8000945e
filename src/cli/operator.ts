import { userInfo } from 'node:os';
import type { Actor } from '../core/actor.ts';
import { type Operator, shellOperator } from '../domain/operators/operator.ts';

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the user may have a number and no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** Who runs the command, for the audit. */
export const operator = (): Actor => ({
  kind: 'operator',
  id: loginName(),
  door: 'cli',
  ip: null,
  userAgent: null,
  requestId: null,
});

/** The same as who manages: whoever has the shell may do everything. */
export const manager = (): Operator => shellOperator(operator());
