import { errors, Provider } from 'oidc-provider';
import type { Bound, OpenRequests } from '../../domain/open-requests.ts';
import { isShared, sourceOf } from '../../domain/source.ts';
import { isAnswer, type Replies } from '../../core/replies.ts';
import { orTooMany } from '../request-size.ts';
import { type Override, shape } from './override.ts';

type Interaction = InstanceType<Provider['Interaction']>;
type Pushed = InstanceType<Provider['PushedAuthorizationRequest']>;
type DeviceCode = InstanceType<Provider['DeviceCode']>;

/** Lifetime in seconds of an authorization request before sign-in. */
const VISIT = 600;

/** Open requests per source. */
const MAX_VISITS = 500;

/** Requests of one client from one source: pushed requests and device requests. */
const MAX_PUSHED = { ofAnybody: 500, ofClient: 1_000 };
const PUSHED = 60;
const DEVICE = 600;

/** Characters of a pushed request: a signed one also has its signature, and maybe certificates. */
const MAX_PUSHED_LENGTH = 8_192;

const source = (): string => sourceOf(Provider.ctx?.get('X-Forwarded-For') ?? null);

/** Before sign-in the request belongs to no account. */
const isVisit = ({ session }: Interaction): boolean => session?.accountId === undefined;

/** Drops parameters that are not read again: an ID token hint is longer than all the rest. */
function dropHint({ params }: { params?: Record<string, unknown> | undefined }): void {
  delete params?.['id_token_hint'];
}

/** Bounds the stored requests of strangers by source and by client. Throws `TooMany`. */
function installOpenRequests(
  provider: Provider,
  requests: OpenRequests,
  replies: Pick<Replies, 'after'>,
): void {
  const visits = (): Bound => ({ of: `visit:${source()}`, limit: MAX_VISITS, life: VISIT });
  const ofClient = (what: string, life: number): Bound => {
    const { clientId = '', clientAuthMethod } = Provider.ctx?.oidc.client ?? {};
    const limit = clientAuthMethod === 'none' ? MAX_PUSHED.ofAnybody : MAX_PUSHED.ofClient;
    return { of: `${what}:${clientId}\n${source()}`, limit, life };
  };
  const open = async (bound: Bound): Promise<void> => {
    if (!isShared(source())) await orTooMany(requests.open(bound));
  };

  const { Interaction, PushedAuthorizationRequest, DeviceCode } = provider;
  const interaction = { save: Interaction.prototype.save, destroy: Interaction.prototype.destroy };
  Object.assign(Interaction.prototype, {
    async save(this: Interaction, ttl: number) {
      dropHint(this);
      if (this.exp !== undefined || !isVisit(this)) return interaction.save.call(this, ttl);
      await open(visits());
      return interaction.save.call(this, Math.min(ttl, VISIT));
    },
    async destroy(this: Interaction) {
      const visit = isVisit(this) && !isShared(source()) ? visits() : null;
      await interaction.destroy.call(this);
      await replies.after(async (status) => {
        if (visit && isAnswer(status)) await requests.close(visit, this.iat ?? 0);
      });
    },
  });

  const { save: push } = PushedAuthorizationRequest.prototype;
  Object.assign(PushedAuthorizationRequest.prototype, {
    async save(this: Pushed, ...args: Parameters<typeof push>) {
      if (this.request.length > MAX_PUSHED_LENGTH)
        throw new errors.InvalidRequest(
          `the request must not be longer than ${MAX_PUSHED_LENGTH} characters`,
        );
      await open(ofClient('pushed', PUSHED));
      return push.apply(this, args);
    },
  });

  const { save: ask } = DeviceCode.prototype;
  Object.assign(DeviceCode.prototype, {
    async save(this: DeviceCode) {
      dropHint(this);
      if (this.exp === undefined) await open(ofClient('device', DEVICE));
      return ask.call(this);
    },
  });
}

export const openRequests: Override<{ openRequests: OpenRequests; replies: Pick<Replies, 'after'> }> = {
  name: 'open-requests',
  why: 'the library does not limit the requests that it stores',
  provenFor: '9.13.x',
  upstream: null,
  check: shape(
    'Interaction.prototype.save',
    'Interaction.prototype.destroy',
    'PushedAuthorizationRequest.prototype.save',
    'PushedAuthorizationRequest.IN_PAYLOAD.request',
    'DeviceCode.prototype.save',
    'DeviceCode.IN_PAYLOAD.params',
  ),
  install: (provider, { openRequests, replies }) => installOpenRequests(provider, openRequests, replies),
};
