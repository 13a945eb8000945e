import type { Actor } from '../core/actor.ts';
import type { Audit } from '../storage/audit.ts';
import type { MailLimit } from './outgoing-mail.ts';
import { isShared, sourceOfActor } from './source.ts';

/**
 * Writes down that somebody came with the token of a link that cannot be used: made up, cut, expired, used, ended, or for
 * something else. So many in an hour of one source, and it is refused: nobody guesses for long, or fills the log.
 * @param type what the link was to do. @param subject the account, where the token tells of one.
 * @throws DomainError rate_limited, unavailable.
 */
export type NoteDeadLink = (
  type: 'password.reset' | 'email.verified' | 'change.undone' | 'login',
  subject: string | null,
  token: string,
  actor: Actor,
) => Promise<void>;

const MOST = 200;

export const createDeadLinks =
  ({ audit, limit }: { audit: Audit; limit: MailLimit }): NoteDeadLink =>
  async (type, subject, token, actor) => {
    // A request without a token is not a guess.
    if (token === '') return;
    const source = sourceOfActor(actor);
    await limit([{ of: `dead-link:source:${source}`, limit: MOST, unless: isShared(source) }]);
    await audit.record({ type, outcome: 'failure', subject, details: { reason: 'invalid_token' } }, actor);
  };
