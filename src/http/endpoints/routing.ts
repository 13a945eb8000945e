import { DomainError } from '../../core/errors.ts';
import type { Endpoint } from './endpoint.ts';

export interface Route<E extends Endpoint> {
  operation: E;
  params: Record<string, string>;
}

interface Compiled<E> {
  segments: string[];
  operation: E;
}

export const isParameter = (segment: string): boolean => segment.startsWith('{');

const parameters = ({ segments }: Pick<Compiled<unknown>, 'segments'>): number =>
  segments.filter(isParameter).length;

/** Finds the endpoint for a path under the API's mount. */
export class Routing<E extends Endpoint> {
  /** Endpoints without parameters, by their whole path: `/users/me` takes precedence over `/users/{id}`. */
  readonly #exact: Map<string, E[]>;
  readonly #patterns: Compiled<E>[];

  constructor({ basePath, operations }: { basePath: string; operations: readonly E[] }) {
    const all = operations.map((operation): Compiled<E> => ({
      operation,
      segments: `${basePath}${operation.path}`.split('/'),
    }));
    const exact = all.filter((one) => parameters(one) === 0).map(({ operation }) => operation);
    this.#exact = Map.groupBy(exact, ({ path }) => `${basePath}${path}`);
    this.#patterns = all.filter((one) => parameters(one) > 0).sort((a, b) => parameters(a) - parameters(b));
  }

  /** Whether the API has the path, with any method. */
  has(path: string): boolean {
    return this.#exact.has(path) || this.#matching(path.split('/')).length > 0;
  }

  /**
   * @returns the operation, or the methods that the path has instead.
   * @throws DomainError not_found when the API has no such path.
   */
  find(method: string, path: string): Route<E> | { allow: string[] } {
    const asked = method === 'HEAD' ? 'get' : method.toLowerCase();
    const exact = this.#exact.get(path) ?? [];
    const requested = path.split('/');
    // A literal path takes precedence over a pattern (OpenAPI 3.1 section 4.8.8.2).
    const matching =
      exact.length > 0
        ? exact.map((operation) => ({ operation, segments: requested }))
        : this.#matching(requested);
    const found = matching.find(({ operation }) => operation.method === asked);
    if (found) return { operation: found.operation, params: paramsOf(found.segments, requested) };
    if (matching.length === 0) throw new DomainError('not_found');
    const methods = matching.map(({ operation }) => operation.method.toUpperCase());
    return { allow: [...new Set(methods.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])))] };
  }

  #matching(requested: string[]): Compiled<E>[] {
    return this.#patterns.filter(({ segments }) => matches(segments, requested));
  }
}

function matches(segments: string[], requested: string[]): boolean {
  return (
    segments.length === requested.length &&
    segments.every((segment, index) =>
      isParameter(segment) ? requested[index] !== '' : segment === requested[index],
    )
  );
}

function paramsOf(segments: string[], requested: string[]): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (isParameter(segment)) params[segment.slice(1, -1)] = decode(requested[index] ?? '');
  }
  return params;
}

/** Decodes a percent-encoded segment. A malformed one stays unchanged, and finds nothing. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
