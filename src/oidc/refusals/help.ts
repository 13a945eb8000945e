import type { errors, KoaContextWithOIDC } from 'oidc-provider';
import { adviceOn } from '../../domain/refusals/advice.ts';
import { describeRefusal } from './describe.ts';

/** Help for the developer of an app whose request was refused. */
export interface DeveloperHelp {
  parameter: string | null;
  value: string | null;
  reason: string;
  /** What to do; null where nothing is known of the client. */
  advice: string | null;
  /** Null where there is no such client. */
  clientId: string | null;
}

/** @returns undefined for a failure that is not the app's. */
export function developerHelp(ctx: KoaContextWithOIDC, error: Error): DeveloperHelp | undefined {
  const refused = error as errors.OIDCProviderError;
  if (!refused.expose) return undefined;
  const refusal = describeRefusal(ctx, refused);
  const { client } = ctx.oidc;
  const known = client && { id: client.clientId, metadata: { ...client.metadata() } };
  const { parameter, value, reason } = refusal;
  const advice =
    known || parameter === 'client_id' ? adviceOn(refusal, known ?? { id: '', metadata: {} }) : null;
  return { parameter, value, reason, advice, clientId: known?.id ?? null };
}
