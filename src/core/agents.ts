/**
 * Whether a client is an agent: a program that acts for a person by its own decisions. Operators decide. By default, a
 * client that is a metadata document counts as one, as MCP clients do.
 */
export const isAgent = ({ agent, registration }: { agent?: unknown; registration?: unknown }): boolean =>
  typeof agent === 'boolean' ? agent : registration === 'document';
