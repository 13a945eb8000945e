const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The merge patch (RFC 7396) that turns `before` into `after` in the fields of `after`, and removes the `dropped` ones. */
export function mergePatch(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  dropped: readonly string[] = [],
): Record<string, unknown> {
  const inside = (was: unknown, is: unknown): unknown =>
    isObject(was) && isObject(is)
      ? mergePatch(
          was,
          is,
          Object.keys(was).filter((field) => !(field in is)),
        )
      : is;
  return Object.fromEntries([
    ...dropped.map((field): [string, unknown] => [field, null]),
    ...Object.entries(after).map(([field, value]): [string, unknown] => [
      field,
      inside(before[field], value),
    ]),
  ]);
}
