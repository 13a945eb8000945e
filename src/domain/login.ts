import type { Actor } from '../core/actor.ts';
import type { Clock } from '../core/clock.ts';
import { DomainError, isDomainError } from '../core/errors.ts';
import type { UserRecord } from '../storage/users.ts';
import type { Stores } from '../storage/stores.ts';
import { deviceIdFor, type KnownDevice } from './known-devices.ts';
import type { Found, LegacyAccounts } from './legacy/index.ts';
import { lookUp } from './lookup.ts';
import { type Acr, type Method, strengthOf } from './mfa/requirement.ts';
import type { Mfa, SecondFactor } from './mfa/index.ts';
import { deviceKeyOf, type Notices } from './notices.ts';
import type { PasswordCheck } from './passwords/check.ts';
import type { PasswordHasher } from './passwords/hasher.ts';
import type { FirstFactor, LoginSteps, Once } from './login-steps.ts';
import { sourceOfActor } from './source.ts';
import { present, toUser, type User } from './users/user.ts';

/** Typed input, unchecked. `identifier` is an email address or a username, `email` an email address only. */
type PasswordRequest = ({ identifier: unknown } | { email: unknown }) & {
  password: unknown;
  actor: Actor;
  /** Aborts when the caller has gone: it then leaves the queue. */
  signal?: AbortSignal | undefined;
};

type LoginRequest = PasswordRequest & {
  /** The code of an authenticator app or a recovery code, unchecked. None, null and the empty string are the same. */
  otp?: unknown;
};

type BeginRequest = PasswordRequest & {
  /** The accounts that this browser signed in to. */
  known?: readonly KnownDevice[];
  /** The token of a remembered device, unchecked: with a right one the password is enough. */
  device?: unknown;
};

/**
 * The second factor, unchecked: the code of an app or a recovery code, or the browser's passkey response; `verified`
 * requires user verification.
 */
type SecondFactorProof = { code: unknown } | { passkey: unknown; verified?: boolean };

/** An authenticated account. */
export interface Authentication {
  user: User;
  /** Authentication methods (RFC 8176). A remembered device is not a second factor. */
  amr: string[];
  /** The strength of that. */
  acr: Acr;
  /** When, in seconds since the epoch: `auth_time` (OpenID Connect Core section 2). */
  authTime: number;
  /** The account must have a second factor and has none: it has to set one up before anything else. */
  enrolmentRequired: boolean;
  /** The password has to be replaced before anything else. */
  renewalRequired: boolean;
}

/** A login whose second factor is still to come. */
export interface LoginStep {
  /** To be returned with the second factor, within ten minutes. Opaque, safe in a form, and useless by itself. */
  token: string;
  accountId: string;
  methods: SecondFactor[];
}

/** What completes a login. */
interface Completion {
  newHash?: string | null;
  enrolmentRequired?: boolean;
  /** The single-use value that it consumes. */
  once?: Once | undefined;
}

/**
 * The only way to an authenticated account.
 *
 * Every method that takes a password throws DomainError invalid_credentials, which looks and costs the same whether the account,
 * its password or usable input is missing; account_suspended, only to those who know the password; account_locked; overloaded;
 * unavailable.
 */
export interface Logins {
  /**
   * Password and second factor in one request, for doors that work like this.
   * @throws DomainError mfa_required when the second factor is missing, and with the reason `enrolment` when the account must
   *   have one and has none: such a door cannot set it up, and accepting the login would bypass the policy.
   */
  login: (request: LoginRequest) => Promise<Authentication>;
  /** The password. Returns the next step when it is not enough. */
  beginLogin: (request: BeginRequest) => Promise<Authentication | { pending: LoginStep }>;
  /**
   * A login at another provider, for a known account. Returns the next step when it is not enough: a second factor is required
   * as after a password.
   * @throws DomainError user_not_found, account_suspended, invalid_token when `once` was used before.
   */
  beginFederated: (request: {
    accountId: string;
    device: unknown;
    actor: Actor;
    /** The single-use value that this consumes: one of concurrent logins with it succeeds. */
    once: Once;
  }) => Promise<Authentication | { pending: LoginStep }>;
  /**
   * The same by a link that was mailed to the account's verified address.
   * @throws DomainError as `beginFederated`.
   */
  beginByMail: Logins['beginFederated'];
  /** A pending login, to show its page again; null when its token is not valid (any more). */
  pendingLogin: (token: unknown) => Promise<LoginStep | null>;
  /**
   * The second factor of a pending login.
   * @throws DomainError invalid_token when the login has expired, was completed, or the account's security has changed since;
   *   invalid_credentials with the field `otp`, invalid_passkey with its reason; account_locked, unavailable.
   */
  completeLogin: (token: unknown, proof: SecondFactorProof, actor: Actor) => Promise<Authentication>;
  /**
   * A pending login for an account whose first factor this browser's session has proven: to step up from 1fa.
   * @throws DomainError user_not_found.
   */
  beginStepUp: (accountId: string, first?: FirstFactor) => Promise<LoginStep>;
  /**
   * A passkey as the whole login.
   * @param reply the browser's response to `mfa.passkeys.loginOptions`, unchecked.
   * @throws DomainError invalid_passkey with its reason, account_suspended, account_locked, unavailable.
   */
  loginWithPasskey: (reply: unknown, actor: Actor) => Promise<Authentication>;
}

export type Login = Logins['login'];

export function createLogin(
  dependencies: Pick<Stores, 'users' | 'signIns' | 'audit' | 'inTransaction'> & {
    passwordCheck: PasswordCheck;
    mfa: Pick<Mfa, 'methods' | 'isRequired' | 'verify'> & {
      passkeys: Pick<Mfa['passkeys'], 'authenticate'>;
      devices: Pick<Mfa['devices'], 'isTrusted'>;
    };
    /** Notifies the owner of a login with something new. */
    notices: Pick<Notices, 'newDevice'>;
    steps: LoginSteps;
    clock: Clock;
    /** Accounts that are not here yet. */
    legacy: Pick<LegacyAccounts, 'isUsed' | 'authenticate' | 'adopt' | 'homesOf' | 'holdBack'>;
    hasher: Pick<PasswordHasher, 'hash'>;
    /** Receives every outcome: `success`, the code of a domain error, or `error`. */
    onLogin?: ((outcome: string) => void) | undefined;
  },
): Logins {
  const {
    users,
    signIns,
    audit,
    notices,
    inTransaction,
    passwordCheck,
    mfa,
    steps,
    clock,
    legacy,
    onLogin,
    hasher,
  } = dependencies;

  const refuse = async (
    code: 'invalid_credentials' | 'account_suspended',
    account: UserRecord | null,
    actor: Actor,
  ): Promise<never> => {
    // Don't record the typed name of an unknown account: people type passwords there.
    const reason = account ? code : 'unknown_account';
    await audit.record(
      { type: 'login', outcome: 'failure', subject: account?.id ?? null, details: { reason } },
      actor,
    );
    throw new DomainError(code);
  };

  /** Records the login; it succeeds only if the account is unchanged since it was authenticated. */
  const complete = async (
    account: UserRecord,
    methods: Method[],
    actor: Actor,
    { newHash = null, enrolmentRequired = false, once }: Completion = {},
  ): Promise<Authentication> => {
    const { amr, acr } = strengthOf(methods);
    const at = new Date(clock.now());
    const stands = await inTransaction(async (tx) => {
      if (once) await steps.use(once, tx);
      const device = deviceKeyOf(actor);
      const signIn = { account, at, source: sourceOfActor(actor), device, newHash };
      const recorded = await signIns.record(signIn, tx);
      if (!recorded) return false;
      const user: Actor = { ...actor, kind: 'user', id: account.id };
      await audit.record({ type: 'login', subject: account.id, details: { amr } }, user, tx);
      if (recorded.isNewDevice) await notices.newDevice(account, device, user, tx);
      return true;
    });
    if (!stands) return refuse('invalid_credentials', account, actor);
    return {
      user: toUser({ ...account, lastLoginAt: at }),
      amr,
      acr,
      authTime: Math.floor(at.getTime() / 1000),
      enrolmentRequired,
      renewalRequired: account.passwordChangeRequired && methods.includes('password'),
    };
  };

  /** The account whose password is right, and a new hash if the old one is outdated. */
  const firstFactor = async (
    { password, actor, signal, ...named }: PasswordRequest,
    known: readonly KnownDevice[] = [],
    isAgain = false,
  ): Promise<{ account: UserRecord; newHash: string | null }> => {
    const start = performance.now();
    const { subject, account } = await lookUp(users, named);
    const device = deviceIdFor(known, account, clock.now());
    const identifier = 'email' in named ? named.email : named.identifier;
    const homes = account ? await legacy.homesOf(account) : undefined;
    const found: Found[] = [];
    const elsewhere = async (typed: string) => {
      const attempt = { identifier: identifier as string, password: typed, signal };
      const answer = await legacy.authenticate(attempt, homes);
      if (answer) found.push(answer);
      return answer !== null;
    };
    // Again: there is an account now. One created by a token has no password yet.
    const mayAsk = homes ? homes.length > 0 : !isAgain;
    const asks = legacy.isUsed && subject !== 'nobody' && mayAsk;
    const right = await passwordCheck.matches({
      subject,
      account,
      password,
      actor,
      device,
      signal,
      elsewhere: asks ? elsewhere : undefined,
    });
    if (!right && account && legacy.isUsed) await legacy.holdBack(start, signal);
    const [brought] = found;
    if (right && account && brought && account.status === 'active')
      await signIns.setFirstHash(account.id, await hasher.hash(password as string), new Date(clock.now()));
    if (right && !account && brought) {
      const adopted = await legacy.adopt(brought, password as string, actor);
      // A concurrent login came first, or the names have changed: the local account decides.
      if (adopted === 'known') return firstFactor({ password, actor, signal, ...named }, known, true);
      if (adopted === 'refused') throw new DomainError('invalid_credentials', { reason: 'account_conflict' });
      if (adopted.status === 'suspended') return refuse('account_suspended', adopted, actor);
      return { account: adopted, newHash: null };
    }
    if (!right || !account) return refuse('invalid_credentials', account, actor);
    if (account.status === 'suspended') return refuse('account_suspended', account, actor);
    return { account, newHash: await passwordCheck.renewed(account, password as string) };
  };

  const login: Logins['login'] = async ({ otp = null, ...request }) => {
    const { account, newHash } = await firstFactor(request);
    const { actor } = request;
    // Such a door cannot replace the password, and until then it is good for nothing else.
    if (account.passwordChangeRequired) return refuse('invalid_credentials', account, actor);
    /** The password was right, whatever the login's outcome. */
    const unfinished = async (reason?: 'enrolment') => {
      if (newHash !== null) await signIns.replaceHash(account, newHash);
      return new DomainError('mfa_required', reason && { reason });
    };
    if ((await mfa.methods(account.id)).length === 0) {
      if (mfa.isRequired(account)) throw await unfinished('enrolment');
      return complete(account, ['password'], actor, { newHash });
    }
    if (otp === null || otp === '') throw await unfinished();
    const { method } = await mfa.verify(account.id, { code: otp }, actor);
    return complete(account, ['password', method], actor, { newHash });
  };

  /** Continues after the first factor was right. */
  const proceed = async (
    account: UserRecord,
    first: FirstFactor,
    { device, actor, newHash = null, once }: { device: unknown; actor: Actor } & Completion,
  ): Promise<Authentication | { pending: LoginStep }> => {
    const methods = await mfa.methods(account.id);
    if (methods.length === 0) {
      const enrolmentRequired = mfa.isRequired(account);
      return complete(account, [first], actor, { newHash, enrolmentRequired, once });
    }
    if (await mfa.devices.isTrusted(account.id, device)) {
      return complete(account, [first], actor, { newHash, once });
    }
    if (once) await inTransaction((tx) => steps.use(once, tx));
    if (newHash !== null) await signIns.replaceHash(account, newHash);
    return {
      pending: { token: steps.seal('second-factor', account, { first }), accountId: account.id, methods },
    };
  };

  const beginLogin: Logins['beginLogin'] = async ({ device, known, ...request }) => {
    const { account, newHash } = await firstFactor(request, known);
    return proceed(account, 'password', { device, actor: request.actor, newHash });
  };

  const beginWith =
    (first: FirstFactor): Logins['beginFederated'] =>
    async ({ accountId, device, actor, once }) => {
      const account = present(await users.findById(accountId));
      if (account.status === 'suspended') return refuse('account_suspended', account, actor);
      return proceed(account, first, { device, actor, once });
    };

  const completeLogin: Logins['completeLogin'] = async (token, proof, actor) => {
    const step = await steps.open('second-factor', token);
    if (!step) throw new DomainError('invalid_token');
    const { account, content } = step;
    const { method } =
      'code' in proof
        ? await mfa.verify(account.id, proof, actor)
        : await mfa.passkeys.authenticate(proof.passkey, account.id, actor, {
            verified: proof.verified ?? false,
          });
    return complete(account, [content.first, method], actor, { once: step });
  };

  const loginWithPasskey: Logins['loginWithPasskey'] = async (reply, actor) => {
    const { accountId, method } = await mfa.passkeys.authenticate(reply, null, actor);
    const account = await users.findById(accountId);
    if (!account) return refuse('invalid_credentials', account, actor);
    if (account.status === 'suspended') return refuse('account_suspended', account, actor);
    return complete(account, [method], actor);
  };

  /** Runs `work` and reports its outcome. */
  const told =
    <A extends unknown[], R extends object>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        const result = await work(...args);
        onLogin?.('pending' in result ? 'mfa_required' : 'success');
        return result;
      } catch (error) {
        onLogin?.(isDomainError(error) ? error.code : 'error');
        throw error;
      }
    };

  return {
    login: told(login),
    beginLogin: told(beginLogin),
    beginFederated: told(beginWith('federated')),
    beginByMail: told(beginWith('mail')),
    completeLogin: told(completeLogin),
    loginWithPasskey: told(loginWithPasskey),
    async pendingLogin(token) {
      const step = await steps.open('second-factor', token);
      if (typeof token !== 'string' || !step) return null;
      const { account } = step;
      return { token, accountId: account.id, methods: await mfa.methods(account.id) };
    },
    async beginStepUp(accountId, first = 'password') {
      const account = present(await users.findById(accountId));
      const methods = await mfa.methods(account.id);
      return { token: steps.seal('second-factor', account, { first }), accountId: account.id, methods };
    },
  };
}
