import type { ClientUse } from '../domain/client-use.ts';
import type { Refusals } from '../domain/refusals.ts';
import type { Actor } from '../core/actor.ts';
import { isAgent } from '../core/agents.ts';
import type { Logger } from '../core/logger.ts';
import type { AuditEntry } from '../storage/audit.ts';
import type { Stores } from '../storage/stores.ts';
import { requestActor } from './actor.ts';
import type { ProviderEvents } from './events.ts';

/** Consumers of the provider's events: metrics, log, audit. */
export function providerEvents({
  metrics,
  audit,
  refusals,
  clientUse,
  logger,
}: Pick<Stores, 'audit'> & {
  metrics: Pick<ProviderEvents, 'grant' | 'authorization'>;
  refusals: Pick<Refusals, 'note'>;
  clientUse: Pick<ClientUse, 'note' | 'noteAgent'>;
  logger: Logger;
}): ProviderEvents {
  // The reply has been sent by then, so log a row that cannot be written.
  const record = (entry: AuditEntry, by: Actor): void => {
    audit
      .record(entry, by)
      .catch((error: unknown) => logger.error({ err: error, type: entry.type }, 'audit event not written'));
  };
  return {
    grant(type, outcome, client, accountId) {
      metrics.grant(type, outcome);
      if (outcome !== 'success' || !client) return;
      clientUse.note(client.clientId);
      if (accountId !== undefined && isAgent(client)) clientUse.noteAgent(client.clientId, accountId);
    },
    authorization(outcome, clientId) {
      metrics.authorization(outcome);
      if (outcome === 'success' && clientId !== undefined) clientUse.note(clientId);
    },
    refreshTokenReused({ ctx, accountId = null, clientId = null, grantId }) {
      logger.warn(
        { accountId, clientId, grantId, requestId: ctx.get('X-Request-Id') },
        'a refresh token was reused: its family was revoked',
      );
      record(
        {
          type: 'refresh_token.reused',
          outcome: 'failure',
          subject: accountId,
          clientId,
          details: { grantId },
        },
        requestActor(ctx, 'client', clientId),
      );
    },
    scopesIgnored({ ctx, clientId, scopes }) {
      logger.warn(
        { clientId, scopes, requestId: ctx.get('X-Request-Id') },
        'ignored requested scopes that no API has or that the client may not have',
      );
    },
    loggedOut({ ctx, accountId = null, clientId = null }) {
      if (accountId !== null)
        record({ type: 'logout', subject: accountId, clientId }, requestActor(ctx, 'user', accountId));
    },
    tokenExchanged: ({ ctx, accountId, clientId, subjectClientId, audience, scope, act }) =>
      audit.record(
        {
          type: 'token.exchanged',
          subject: accountId,
          clientId,
          details: { subjectClientId, audience, scope, act },
        },
        requestActor(ctx, 'client', clientId),
      ),
    refused({ clientId, isKnown, accountId, ...refusal }) {
      const { value, ...shown } = refusal;
      logger.warn(
        { client_id: clientId, ...shown, ...(value === null ? {} : { value }) },
        'a request was refused',
      );
      if (clientId !== null && isKnown) refusals.note(clientId, refusal, accountId);
    },
    failed(ctx, error) {
      logger.error(
        { err: error, requestId: ctx.get('X-Request-Id'), route: ctx.oidc?.route },
        'the provider failed',
      );
    },
  };
}
