import type { Context } from 'koa';
import type { Config } from '../../config/index.ts';
import type { GatherAccountData, History, OverviewOf } from '../../domain/history.ts';
import type { Attributes } from '../../domain/attributes/index.ts';
import type { ApiKeys } from '../../domain/api-keys.ts';
import type { Impersonation } from '../../domain/impersonation.ts';
import type { Logins } from '../../domain/login.ts';
import { KNOWN_DEVICE_TTL, type KnownDevice } from '../../domain/known-devices.ts';
import { LOGIN_STEP_TTL, type LoginSteps } from '../../domain/login-steps.ts';
import type { Mfa } from '../../domain/mfa/index.ts';
import type { Refusals } from '../../domain/refusals.ts';
import type { Registration } from '../../domain/registration.ts';
import type { PasswordReset } from '../../domain/reset.ts';
import type { SignInLinks } from '../../domain/sign-in-links.ts';
import type { AccountSessions } from '../../domain/sessions.ts';
import type { Accounts } from '../../domain/users/index.ts';
import type { UndoLinks } from '../../domain/undo/index.ts';
import type { UpstreamAccounts } from '../../domain/upstream.ts';
import type { Verification } from '../../domain/verification/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { BrowserSessions } from '../../oidc/sessions/browser-session.ts';
import type { BackchannelAnswers } from '../../oidc/ciba.ts';
import type { Interactions } from '../../oidc/interactions/interactions.ts';
import type { UpstreamRegistry } from '../../upstream/registry.ts';
import type { RelyingParty } from '../../upstream/relying-party.ts';
import type { Message } from './i18n.ts';
import { createSealedCookie, type SealedCookie } from './sealed-cookie.ts';
import type { PageTools } from './tools.ts';
import { createUpstreamCookies, type UpstreamCookies } from './upstream/cookies.ts';

/** Dependencies of the pages. */
export interface PageDependencies extends PageTools {
  config: Pick<
    Config,
    | 'authorizationDetails'
    | 'brand'
    | 'languages'
    | 'publicUrl'
    | 'passwords'
    | 'registration'
    | 'session'
    | 'refresh'
    | 'tokens'
    | 'mfa'
    | 'securityTxt'
  >;
  clock: Clock;
  secrets: Secrets;
  logins: Logins;
  loginSteps: LoginSteps;
  mfa: Mfa;
  attributes: Pick<Attributes, 'list' | 'shown'>;
  accounts: Pick<Accounts, 'register' | 'find' | 'mistakesIn' | 'update' | 'changePassword' | 'remove'>;
  registration: Registration;
  verification: Verification;
  reset: PasswordReset;
  undo: UndoLinks;
  signInLinks: SignInLinks;
  accountSessions: AccountSessions;
  history: History;
  overviewOf: OverviewOf;
  accountData: GatherAccountData;
  apiKeys: Pick<ApiKeys, 'list' | 'revoke'>;
  impersonation: Pick<Impersonation, 'begin' | 'waiting' | 'answer'>;
  interactions: Interactions;
  refusals: Pick<Refusals, 'note'>;
  backchannelAnswers: BackchannelAnswers;
  /** Other providers for signing in. */
  upstream: { registry: UpstreamRegistry; relyingParty: RelyingParty; accounts: UpstreamAccounts };
  sessions: BrowserSessions;
  /** URL of the development mailbox. */
  devMailUrl: string | undefined;
  /** Audits that a person signed out. */
  signedOut(ctx: Context, accountId: string): Promise<void>;
}

/** A step of a login (`LoginSteps`), and whether to remember the browser. */
type StepCookie = SealedCookie<{ token: string; remember: boolean }>;

/** An authorization request. The browser that made it keeps it longer than the server does. */
interface KeptRequest {
  clientId: string;
  redirectUri: string;
  query: string;
}

/** A form whose sender had to sign in again. */
interface Act {
  accountId: string;
  /** Description of the action, shown at sign-in, so that nothing continues unannounced. */
  says: Message;
  /** The form's action and its fields, none with a secret. */
  action: string;
  fields: Readonly<Record<string, string>>;
}

/** The dependencies, with parts that the pages share. */
export interface PageParts extends PageDependencies {
  /** An action that a sign-in interrupted. */
  acts: SealedCookie<Act>;
  /** The authorization request of an interaction. */
  requests: SealedCookie<KeptRequest>;
  /** The interaction of a browser whose person left to read mail. */
  returns: SealedCookie<string>;
  /** A login whose second factor is pending. */
  pending: StepCookie;
  /** A login that first needs a second factor to be set up. */
  enrolments: StepCookie;
  /** The token of a trusted device, which is not asked for a second factor. */
  devices: SealedCookie<string>;
  /** The accounts that signed in with the browser. */
  known: SealedCookie<KnownDevice[]>;
  /** An authenticator app that is being set up. */
  apps: SealedCookie<{ accountId: string; id: string; secret: string; uri: string }>;
  /** A finished login, except for the last step on the page that it is bound to. */
  completedLogins: StepCookie;
  upstreamCookies: UpstreamCookies;
}

/** Seconds that a browser keeps an authorization request. */
const REQUEST_KEPT = 86_400;
/** Maximum seconds for setting up an authenticator app. */
const ENROLMENT = 900;

export function pageParts(deps: PageDependencies): PageParts {
  const { secrets, clock, config } = deps;
  const { publicUrl, tokens, mfa } = config;
  const base = { publicUrl, secrets, clock };
  return {
    ...deps,
    acts: createSealedCookie({ ...base, name: 'postern_act', ttl: LOGIN_STEP_TTL }),
    requests: createSealedCookie({ ...base, name: 'postern_request', ttl: REQUEST_KEPT }),
    returns: createSealedCookie({ ...base, name: 'postern_return', ttl: tokens.interaction }),
    pending: createSealedCookie({ ...base, name: 'postern_login', ttl: LOGIN_STEP_TTL }),
    enrolments: createSealedCookie({ ...base, name: 'postern_enrolment', ttl: LOGIN_STEP_TTL }),
    devices: createSealedCookie({ ...base, name: 'postern_device', ttl: mfa.rememberDevice }),
    known: createSealedCookie({ ...base, name: 'postern_known', ttl: KNOWN_DEVICE_TTL }),
    apps: createSealedCookie({ ...base, name: 'postern_app', ttl: ENROLMENT }),
    upstreamCookies: createUpstreamCookies((name) =>
      createSealedCookie({ ...base, name, ttl: LOGIN_STEP_TTL }),
    ),
    completedLogins: createSealedCookie({ ...base, name: 'postern_arrival', ttl: LOGIN_STEP_TTL }),
  };
}

/** The bounds of a password's length, for pages. */
export const passwordLength = ({ passwords }: PageDependencies['config']): { min: number; max: number } => ({
  min: passwords.minLength,
  max: passwords.maxLength,
});
