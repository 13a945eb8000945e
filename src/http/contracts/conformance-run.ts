import { Mismatch } from './conformance.ts';
import { createVisitor, type Send } from './conformance-visitor.ts';
import type { Contract } from './contract.ts';

export interface CaseResult {
  section: string;
  name: string;
  /** What was otherwise; null when nothing was. */
  failure: string | null;
}

export interface Run {
  results: CaseResult[];
  /** The addresses of accounts that were made and could not be removed by what the document offers. */
  left: string[];
}

/**
 * Runs a contract's cases against the server at `url`, one after the other, and removes their accounts.
 * @param url what comes before the document's base path: `http://localhost:8000/contracts/gateway`.
 * @param apiKey the operator's key, for a contract that wants one.
 * @param told of each case as it ends.
 */
export async function runCases(
  contract: Contract,
  { url, apiKey, send }: { url: string; apiKey?: string | undefined; send: Send },
  told: (result: CaseResult) => void = () => undefined,
): Promise<Run> {
  const visitor = createVisitor({ contract, url: url.replace(/\/$/, ''), apiKey, send });
  const results: CaseResult[] = [];
  const left: string[] = [];
  for (const { section, name, run } of await contract.cases()) {
    const failure = await run(visitor).then(() => null, explain);
    left.push(...(await visitor.cleanUp()).map(({ email }) => email));
    const result = { section, name, failure };
    results.push(result);
    told(result);
  }
  return { results, left };
}

/** Why a case failed: the server's doing, or that it could not be reached. */
function explain(error: unknown): string {
  if (error instanceof Mismatch) return error.message;
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
