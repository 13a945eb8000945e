import type { ContractClaims } from '../../oidc/contracts/tokens.ts';
import type { ApiKey } from '../../domain/api-keys.ts';

/** Who calls a contract. */
export type Caller =
  | { kind: 'user'; claims: ContractClaims; accountId: string }
  /** A program. `accountId` is whose key it is; null for a key of the operator's. */
  | { kind: 'apiKey'; key: ApiKey; accountId: string | null };
