/** Result of a store's check; `reason` is short and holds no secret. */
export type CheckResult = { status: 'ok' } | { status: 'failed'; reason: string };

export type Checks = Record<string, () => Promise<void>>;

/** Timeout of a check and lifetime of its result, in milliseconds: probes must not add to the load. */
const TIMEOUT = 2_000;
const FRESH = 1_000;

/** The first words of the root cause, without credentials in URLs. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  if (error.cause instanceof Error) return reasonOf(error.cause);
  // Replaces the driver's message when Redis cannot be reached.
  if (error.name === 'MaxRetriesPerRequestError') return 'not connected';
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && /^E[A-Z_]+$/.test(code)) return code;
  const line = error.message.split('\n', 1)[0] ?? '';
  return line.replace(/\/\/[^\s/]*@/g, '//').slice(0, 120) || 'failed';
}

/** Runs `check`. @throws its error, or one for the timeout. */
async function inTime(check: () => Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${TIMEOUT} ms`)), TIMEOUT);
  try {
    await Promise.race([check(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function shared(check: () => Promise<void>): () => Promise<void> {
  let latest: Promise<void> | undefined;
  let freshUntil = 0;
  return () => {
    if (!latest || performance.now() > freshUntil) {
      freshUntil = Infinity;
      latest = inTime(check).finally(() => (freshUntil = performance.now() + FRESH));
    }
    return latest;
  };
}

/** The same checks, each with a timeout of two seconds, and run at most once a second for any number of callers. */
export const sharedChecks = (checks: Checks): Checks =>
  Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, shared(check)]));

/** Results of all checks. */
export async function runChecks(checks: Checks): Promise<Record<string, CheckResult>> {
  const results = Object.entries(checks).map(async ([name, check]): Promise<[string, CheckResult]> => {
    try {
      await check();
      return [name, { status: 'ok' }];
    } catch (error) {
      return [name, { status: 'failed', reason: reasonOf(error) }];
    }
  });
  return Object.fromEntries(await Promise.all(results));
}
