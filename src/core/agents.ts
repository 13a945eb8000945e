/**
 * Whether a client is an agent: a program that acts for a person by its own decisions. Operators say so; unless they do, one
 * that is a metadata document is taken for one, as MCP clients are.
 */
export const isAgent = ({ agent, registration }: { agent?: unknown; registration?: unknown }): boolean =>
  typeof agent === 'boolean' ? agent : registration === 'document';
