/**
 * Makes one call of those for the same key in one turn of the event loop: oidc-provider revokes a grant once for each
 * model, all at once, and one statement ends them all. Calls that come later make their own, because they may be
 * about something written since.
 */
export function coalesce(work: (key: string) => Promise<void>): (key: string) => Promise<void> {
  const waiting = new Map<string, Promise<void>>();
  return (key) => {
    let done = waiting.get(key);
    if (!done) {
      done = Promise.resolve().then(() => {
        waiting.delete(key);
        return work(key);
      });
      waiting.set(key, done);
    }
    return done;
  };
}
