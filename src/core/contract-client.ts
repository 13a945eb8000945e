/** Every contract is a client `contract:<name>`; no other client's id begins like this. */
export const CONTRACT_CLIENT = 'contract:';
