import { userInfo } from 'node:os';
import type { Actor } from '../core/actor.ts';
import { type Operator, shellOperator } from '../domain/operators/operator.ts';

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the user may have no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** The actor of a command, for the audit trail. */
export const operator = (): Actor => ({
  kind: 'operator',
  id: loginName(),
  door: 'cli',
  ip: null,
  userAgent: null,
  requestId: null,
});

/** The operator of a command. Whoever has the shell holds every permission. */
export const manager = (): Operator => shellOperator(operator());
