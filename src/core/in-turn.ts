/**
 * Runs calls of `load` one after the other, so that none restores a value that it read before a later change. A failed
 * call does not block later ones.
 */
export function inTurn(load: () => Promise<void>): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return () => {
    const loaded = last.then(load);
    last = loaded.catch(() => undefined);
    return loaded;
  };
}
