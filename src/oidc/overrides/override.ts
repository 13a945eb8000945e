import { readFileSync } from 'node:fs';
import type { Provider } from 'oidc-provider';

/** An extension through the library's documented interface: middleware, events, grant types. */
export interface Extension<Dependencies> {
  /** Name for the log and for the error that stops a start. */
  name: string;
  why: string;
  install(provider: Provider, dependencies: Dependencies): void;
}

/** A change of library internals that its documentation does not guarantee. */
export interface Override<Dependencies> extends Extension<Dependencies> {
  /** Library versions that the tests passed with; `9.13.x` covers every patch of 9.13. */
  provenFor: string;
  /** The upstream discussion, if there is one. */
  upstream: string | null;
  /**
   * Checks, before any installation, that the internals it relies on exist. @throws Error naming what is missing.
   */
  check(provider: Provider): void;
}

export type Installed<Dependencies> = Extension<Dependencies> | Override<Dependencies>;

export const isOverride = <Dependencies>(one: Installed<Dependencies>): one is Override<Dependencies> =>
  'check' in one;

const FIELDS = '.IN_PAYLOAD.';

const at = (provider: Provider, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], provider);

function isThere(provider: Provider, path: string): boolean {
  const [model = '', field] = path.split(FIELDS);
  if (field === undefined) return typeof at(provider, path) === 'function';
  const fields = at(provider, `${model}.IN_PAYLOAD`);
  return Array.isArray(fields) && fields.includes(field);
}

/**
 * Checks that methods are where they were, and that a model still stores a field.
 * @param paths from the provider: `RefreshToken.prototype.consume`, `Session.IN_PAYLOAD.state`.
 */
export function shape(...paths: string[]): Override<unknown>['check'] {
  return (provider) => {
    const missing = paths.filter((path) => !isThere(provider, path));
    if (missing.length > 0) throw new Error(`${missing.join(', ')} is not there any more`);
  };
}

export const LIBRARY = 'oidc-provider';

/** The version of the library that is installed. */
export function libraryVersion(): string {
  const manifest = new URL('../package.json', import.meta.resolve(LIBRARY));
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** Whether a version is in a range like `9.13.x`. */
export function isWithin(range: string, version: string): boolean {
  const parts = version.split('.');
  return range.split('.').every((part, index) => part === 'x' || part === parts[index]);
}
