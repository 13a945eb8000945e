/** Helpers that read an OpenAPI document. */

/** The parts of a document that tests read. */
export interface OpenApi {
  paths?: Record<string, Record<string, OpenApiOperation>>;
}

export interface OpenApiOperation {
  operationId: string;
  parameters?: { name: string; in: string; required: boolean; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, unknown>;
  security: object[];
}

/** The parts of a JSON Schema that tests read. */
export interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | object;
  anyOf?: Schema[];
  items?: Schema;
  enum?: unknown[];
  examples?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
}

/** Finds the operation of a request, whatever prefix precedes the document's paths. */
export function operationOf(
  { paths = {} }: OpenApi,
  { method, url }: { method: string; url: string },
): OpenApiOperation | undefined {
  const { pathname } = new URL(url);
  const fits = (path: string) =>
    new RegExp(`${path.replaceAll('.', String.raw`\.`).replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname);
  // A literal path takes precedence over a templated one.
  const [path] = Object.keys(paths)
    .filter(fits)
    .sort((a, b) => a.split('{').length - b.split('{').length || b.length - a.length);
  return path === undefined ? undefined : paths[path]?.[method.toLowerCase()];
}

/** Returns a message when the document does not name a reply's status for its operation, otherwise null. */
export function undocumentedStatus(
  document: object,
  request: { method: string; url: string },
  { status }: { status: number },
): string | null {
  const operation = operationOf(document, request);
  if (!operation || String(status) in operation.responses) return null;
  return `${request.method} ${request.url}: ${operation.operationId} does not document ${status}`;
}
