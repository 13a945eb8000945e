/**
 * Mail in the domain on real stores: accounts, verification, reset and notices, and their messages in the
 * outbox.
 */
import { newUuid } from '../../src/core/ids.ts';
import type { Message } from '../../src/mail/messages.ts';
import { at, newEmail, openDomain, operator, withLostReply } from '../domain/harness.ts';

export const PASSWORD = 'the right password';

export async function openMailDomain() {
  const domain = await openDomain({ sendsMail: true });
  const { pool, accounts } = domain;
  const { outbox, oneTimeTokens: tokens, revocation } = domain.stores;
  /** Takes the pending messages out of the outbox, oldest first. */
  const mail = async (): Promise<Message[]> => {
    const all: Message[] = [];
    for (let one = await outbox.claim(60); one; one = await outbox.claim(60)) {
      all.push(one.content());
      await outbox.settle(one);
    }
    return all;
  };
  return {
    ...domain,
    outbox,
    tokens,
    revocation,
    mail,
    /** Moves the clock by milliseconds. */
    later: domain.advance,
    account: (more: object = {}) =>
      accounts.create({ email: newEmail(), password: PASSWORD, name: 'Zoë', ...more }, operator),
    /** The token in the only pending message. */
    async token(): Promise<string> {
      const messages = await mail();
      const [message] = messages;
      if (messages.length !== 1 || !message || !('link' in message)) {
        throw new Error(`no single link: ${JSON.stringify(messages)}`);
      }
      return message.link.token;
    },
    /** Runs `work` in a request whose reply is never sent. */
    withLostReply,
    /** Gives the account a session. @returns whether it is still valid. */
    async run(accountId: string): Promise<() => Promise<boolean>> {
      const grantId = newUuid();
      await pool.query(
        `insert into oidc_grants (id, account_id, client_id, payload, expires_at)
         values ($1, $2, 'app', '{}', now() + interval '1 day')`,
        [grantId, accountId],
      );
      return async () => !(await revocation.isRevoked({ jti: newUuid(), grantId, clientId: 'app' }));
    },
  };
}

let place = 0;
/** An address that was never used. */
export const somewhere = () => at(`10.1.${Math.floor((place += 1) / 250)}.${place % 250}`);
