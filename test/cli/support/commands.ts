import { expect } from '@jest/globals';
import { runCli, type PosternOptions } from '../../support/postern.ts';

/** Runs a command with --json: it must succeed, and standard output must be one JSON object and nothing else. */
export async function json<T = Record<string, unknown>>(args: string[], options: PosternOptions): Promise<T> {
  const { code, stdout, stderr } = await runCli([...args, '--json'], options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

/** Runs a command that must fail. @returns its JSON and standard error. */
export async function failing(args: string[], options: PosternOptions) {
  const { code, stdout, stderr } = await runCli([...args, '--json'], options);
  expect(stderr).not.toMatch(/^\s+at /m);
  return { code, stderr, stdout };
}

/** A token for the client credentials grant. */
export async function ownToken(
  url: string,
  { client_id, client_secret }: { client_id: string; client_secret: string | null },
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    headers: { Authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
