/** Converts Swagger 2.0 documents to OpenAPI 3. */
import { UsageError } from '../failure.ts';

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const objectOf = (value: unknown): Json => (isObject(value) ? value : {});
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const METHODS = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch']);

/** The place of definitions in OpenAPI 3. */
const MOVED: Record<string, string> = {
  '#/definitions/': '#/components/schemas/',
  '#/responses/': '#/components/responses/',
};

/** YAML anchors can create a circular document. */
const MAX_DEPTH = 60;

/**
 * Copies the document with adjusted references, which may be circular. @throws UsageError for a circular document.
 */
function moved(value: unknown, depth = 0): unknown {
  if (depth > MAX_DEPTH) throw new UsageError('--openapi: the document is nested too deep, or too large');
  if (Array.isArray(value)) return value.map((item) => moved(item, depth + 1));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      if (name !== '$ref' || typeof item !== 'string') return [name, moved(item, depth + 1)];
      const start = Object.keys(MOVED).find((one) => item.startsWith(one));
      return [name, start === undefined ? item : `${MOVED[start]}${item.slice(start.length)}`];
    }),
  );
}

/** The content of a schema for each media type, JSON by default. */
const contentOf = (schema: unknown, types: unknown[]): Json =>
  Object.fromEntries(
    (types.length > 0 ? types : ['application/json']).map((type) => [
      String(type),
      { schema: moved(schema) },
    ]),
  );

/** Resolves a referenced parameter, one step deep. */
function parameterOf(parameter: unknown, shared: Json): Json {
  const reference = objectOf(parameter)['$ref'];
  if (typeof reference !== 'string') return objectOf(parameter);
  const name = /^#\/parameters\/([^/]+)$/.exec(reference)?.[1];
  // Leave foreign references, to be rejected later with the others.
  return name === undefined || !Object.hasOwn(shared, name) ? objectOf(parameter) : objectOf(shared[name]);
}

/** Builds the request body from `body` or form parameters. */
function requestBodyOf(parameters: readonly Json[], consumes: unknown[]): Json | undefined {
  const body = parameters.find(({ in: place }) => place === 'body');
  if (body)
    return { required: body['required'] === true, content: contentOf(body['schema'] ?? {}, consumes) };
  const fields = parameters.filter(({ in: place }) => place === 'formData');
  if (fields.length === 0) return undefined;
  const properties = Object.fromEntries(
    fields.map(({ name, in: _place, required: _required, ...schema }) => [String(name), schema]),
  );
  const required = fields.filter((field) => field['required'] === true).map(({ name }) => name);
  const isFile = fields.some(({ type }) => type === 'file');
  const form = isFile ? 'multipart/form-data' : 'application/x-www-form-urlencoded';
  const types = consumes.filter((type) => /form|json/.test(String(type)));
  return { content: contentOf({ type: 'object', properties, required }, types.length > 0 ? types : [form]) };
}

function responseOf(response: unknown, produces: unknown[]): unknown {
  const { schema, ...rest } = objectOf(response);
  if (schema === undefined) return moved(rest);
  // `produces` is often wrong: treat an object as JSON.
  const types = produces.some((type) => /json/i.test(String(type))) ? produces : [];
  return { ...(moved(rest) as Json), content: contentOf(schema, types) };
}

function schemeOf(definition: unknown): unknown {
  const { type, ...rest } = objectOf(definition);
  if (type === 'basic') return { type: 'http', scheme: 'basic' };
  const isBearer = type === 'apiKey' && String(rest['name']).toLowerCase() === 'authorization';
  return isBearer ? { type: 'http', scheme: 'bearer' } : { type, ...rest };
}

/** Converts a document to OpenAPI 3. Drops what is not used, such as examples and vendor extensions. */
export function fromSwagger(root: Json): Json {
  const shared = objectOf(root['parameters']);
  const produces = listOf(root['produces']);
  const convertOperation = (operation: Json, common: readonly unknown[]): Json => {
    const parameters = [...common, ...listOf(operation['parameters'])].map((one) => parameterOf(one, shared));
    const types = Array.isArray(operation['consumes']) ? operation['consumes'] : listOf(root['consumes']);
    const requestBody = requestBodyOf(parameters, types);
    const mediaTypes = Array.isArray(operation['produces']) ? operation['produces'] : produces;
    const { operationId, summary, description, security } = operation;
    return {
      operationId,
      summary,
      description,
      ...(security !== undefined && { security }),
      parameters: parameters
        .filter(({ in: place }) => place !== 'body' && place !== 'formData')
        .map((one) => moved(one)),
      ...(requestBody && { requestBody }),
      responses: Object.fromEntries(
        Object.entries(objectOf(operation['responses'])).map(([status, reply]) => [
          status,
          responseOf(reply, mediaTypes),
        ]),
      ),
    };
  };
  const paths = Object.entries(objectOf(root['paths'])).map(([path, item]): [string, Json] => {
    const { parameters, ...methods } = objectOf(item);
    const converted = Object.entries(methods).map(([method, operation]): [string, unknown] => [
      method,
      METHODS.has(method) && isObject(operation)
        ? convertOperation(operation, listOf(parameters))
        : moved(operation),
    ]);
    return [path, Object.fromEntries(converted)];
  });
  const each = (value: unknown, convert: (one: unknown) => unknown) =>
    Object.fromEntries(Object.entries(objectOf(value)).map(([name, one]) => [name, convert(one)]));
  return {
    openapi: '3.0.3',
    info: root['info'],
    servers: [{ url: `http://localhost${typeof root['basePath'] === 'string' ? root['basePath'] : ''}` }],
    ...(root['security'] !== undefined && { security: root['security'] }),
    paths: Object.fromEntries(paths),
    components: {
      schemas: each(root['definitions'], (one) => moved(one)),
      responses: each(root['responses'], (one) => responseOf(one, produces)),
      securitySchemes: each(root['securityDefinitions'], schemeOf),
    },
  };
}
