/** Prefix of the client id of every contract, `contract:<name>`. Reserved for contracts. */
export const CONTRACT_CLIENT = 'contract:';
