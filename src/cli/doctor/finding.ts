/** What one look came to, and what the operator should do about it. */
export interface Finding {
  name: string;
  status: 'ok' | 'warning' | 'problem';
  message: string;
  /** Missing where the message says it. */
  todo?: string;
}

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
