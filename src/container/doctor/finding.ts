import type { HealthFinding } from '../../domain/operators/health.ts';

export type Finding = HealthFinding;

export const ok = (name: string, message: string): Finding => ({ name, status: 'ok', message });

export const warning = (name: string, message: string, todo: string): Finding => ({
  name,
  status: 'warning',
  message,
  todo,
});

export const problem = (name: string, message: string, todo: string): Finding => ({
  name,
  status: 'problem',
  message,
  todo,
});
