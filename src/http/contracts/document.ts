import type { Documented, PasswordLengths } from '../endpoints/endpoint.ts';
import type { Auth, Contract, Operation } from './contract.ts';

const SECURITY: Record<Auth, Record<string, string[]>[]> = {
  none: [],
  bearer: [{ bearer: [] }],
  apiKey: [{ apiKey: [] }],
  bearerOrApiKey: [{ bearer: [] }, { apiKey: [] }],
};

const SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
};

/** A contract in the form that its OpenAPI document is generated from. */
export function documentOf(contract: Contract, passwords: PasswordLengths): Documented<Operation> {
  const { title, version, description, basePath, operations, pages, openapiPath } = contract;
  const isUsed = (scheme: string) =>
    operations.some(({ auth }) => SECURITY[auth].some((one) => scheme in one));
  return {
    title,
    version,
    description,
    basePath,
    pages,
    openapiPath,
    endpoints: operations,
    passwords,
    refusal: { schema: contract.refusalSchema, type: 'application/json' },
    schemes: Object.fromEntries(Object.entries(SCHEMES).filter(([name]) => isUsed(name))),
    securityOf: ({ auth }) => SECURITY[auth],
  };
}
