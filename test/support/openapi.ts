/** What tests ask of an OpenAPI document. */

/** A document, as far as it is asked. */
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

/** A JSON Schema, as far as it is asked. */
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

/** The operation that a request asks for, by whatever comes before the paths of the document. */
export function operationOf(
  { paths = {} }: OpenApi,
  { method, url }: { method: string; url: string },
): OpenApiOperation | undefined {
  const { pathname } = new URL(url);
  const fits = (path: string) =>
    new RegExp(`${path.replaceAll('.', String.raw`\.`).replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(pathname);
  // What a path is by name it is not by a pattern too.
  const [path] = Object.keys(paths)
    .filter(fits)
    .sort((a, b) => a.split('{').length - b.split('{').length || b.length - a.length);
  return path === undefined ? undefined : paths[path]?.[method.toLowerCase()];
}

/** What is wrong when a reply has a status that the document does not name for its operation; else null. */
export function undocumentedStatus(
  document: object,
  request: { method: string; url: string },
  { status }: { status: number },
): string | null {
  const operation = operationOf(document, request);
  if (!operation || String(status) in operation.responses) return null;
  return `${request.method} ${request.url}: ${operation.operationId} does not document ${status}`;
}
