import { errors, type Provider } from 'oidc-provider';
import type { BackchannelRequest, BackchannelRequests } from '../../domain/backchannel-requests.ts';
import type { Actor } from '../../core/actor.ts';
import type { Pings } from '../../storage/pings.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import { type AcrValue, satisfies } from '../interactions/acr.ts';
import { allow } from '../interactions/grants.ts';
import type { LiveProvider } from '../live-provider.ts';
import type { CurrentSession } from '../sessions/browser-session.ts';

/** `over`: it has expired or was answered before. `weak`: the client wants a stronger login than the person's. */
export type Answered = 'done' | 'over' | 'weak';

interface Dependencies {
  live: Pick<LiveProvider, 'current'>;
  requests: Pick<BackchannelRequests, 'waiting' | 'answer'>;
  pings: Pick<Pings, 'enqueue'>;
}

type Request = BackchannelRequest & { authReqId: string };
type Pending = InstanceType<Provider['BackchannelAuthenticationRequest']>;

/** People's answers to CIBA requests. */
export class BackchannelAnswers {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** Requests that wait for the account's answer, oldest first. */
  waiting(accountId: string): Promise<BackchannelRequest[]> {
    return this.#deps.requests.waiting(accountId);
  }

  /** Approves: the client signs the person in with the login of the current session. */
  async approve(session: CurrentSession, id: string, actor: Actor): Promise<Answered> {
    const { accountId, acr, amr, authTime } = session;
    const waiting = (await this.waiting(accountId)).find((request) => request.id === id);
    if (!waiting) return 'over';
    if (waiting.acr !== null && !satisfies(acr, waiting.acr as AcrValue)) return 'weak';
    return this.#answer(accountId, id, 'approved', actor, async (provider, pending, { clientId, asked }) => {
      const grant = new provider.Grant({ accountId, clientId });
      allow(grant, asked);
      await grant.save();
      await provider.backchannelResult(pending, grant, { acr, amr, authTime });
    });
  }

  /** Denies: the client gets `access_denied` (CIBA Core section 11). */
  deny(accountId: string, id: string, actor: Actor): Promise<Answered> {
    return this.#answer(accountId, id, 'denied', actor, (provider, pending) =>
      provider.backchannelResult(pending, new errors.AccessDenied('the end-user denied the request')),
    );
  }

  async #answer(
    accountId: string,
    id: string,
    answer: 'approved' | 'denied',
    actor: Actor,
    write: (provider: Provider, pending: Pending, request: Request) => Promise<void>,
  ): Promise<Answered> {
    const { live, requests } = this.#deps;
    const provider = live.current;
    const done = await requests.answer(accountId, id, answer, actor, async (request) => {
      const pending = await provider.BackchannelAuthenticationRequest.find(request.authReqId);
      if (!pending) return null;
      return async (tx) => {
        await this.#announce(provider, pending, request, tx);
        await write(provider, pending, request);
      };
    });
    return done ? 'done' : 'over';
  }

  /** Leaves a ping for a client that wants one (CIBA Core section 10.2). */
  async #announce(provider: Provider, pending: Pending, { clientId, authReqId, expiresAt }: Request, tx: Tx) {
    const client = await provider.Client.find(clientId);
    const token = pending.params?.['client_notification_token'];
    if (client?.backchannelTokenDeliveryMode !== 'ping' || typeof token !== 'string') return;
    await this.#deps.pings.enqueue({ clientId, authReqId, token, expiresAt: expiresAt.toISOString() }, tx);
  }
}
