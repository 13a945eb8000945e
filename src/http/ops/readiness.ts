/** What a store's check came to; `reason` in a few words, without a secret. */
export type CheckResult = { status: 'ok' } | { status: 'failed'; reason: string };

export type Checks = Record<string, () => Promise<void>>;

/** Milliseconds that a check may take, and that its result is good for: probes must not add to the load. */
const PATIENCE = 2_000;
const FRESH = 1_000;

/** The first words of what went wrong at the bottom, without the credentials that a URL in it may hold. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  if (error.cause instanceof Error) return reasonOf(error.cause);
  // What a Redis that is not there comes to in the words of its driver's settings.
  if (error.name === 'MaxRetriesPerRequestError') return 'not connected';
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return code;
  const line = error.message.split('\n', 1)[0] ?? '';
  return line.replace(/\/\/[^\s/]*@/g, '//').slice(0, 120) || 'failed';
}

async function run(check: () => Promise<void>): Promise<CheckResult> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${PATIENCE} ms`)), PATIENCE);
  try {
    await Promise.race([check(), late.promise]);
    return { status: 'ok' };
  } catch (error) {
    return { status: 'failed', reason: reasonOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Runs all checks at once, none for longer than two seconds. Asked again within a second it gives the same answer. */
export function createReadiness(checks: Checks): () => Promise<Record<string, CheckResult>> {
  let latest: Promise<Record<string, CheckResult>> | undefined;
  let freshUntil = 0;
  const runAll = async () => {
    const entries = Object.entries(checks);
    const results = await Promise.all(
      entries.map(async ([name, check]) => [name, await run(check)] as const),
    );
    freshUntil = performance.now() + FRESH;
    return Object.fromEntries(results);
  };
  return () => {
    if (!latest || performance.now() > freshUntil) {
      freshUntil = Infinity;
      latest = runAll();
    }
    return latest;
  };
}
