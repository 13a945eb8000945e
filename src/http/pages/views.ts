import type { DeveloperHelp } from '../../oidc/refusals/describe.ts';
import type { Mfa, SecondFactor } from '../../domain/mfa/index.ts';
import type { Device } from '../../domain/notices.ts';
import type { ViewRequest } from '../../domain/impersonation.ts';
import type { AccountSession, ConnectedApp } from '../../domain/sessions.ts';
import type { ApiKey } from '../../domain/api-keys.ts';
import type { Undoable } from '../../domain/undo/index.ts';
import type { LinkedIdentity } from '../../domain/upstream.ts';
import type { User } from '../../domain/users/index.ts';
import type { ProfileSection } from './account/profile-form.ts';
import type { ApiAccess, DetailDisplay } from './scopes.ts';
import type { ClientMetadata } from './client-display.ts';
import type { EventDay, EventLine } from './events.ts';
import type { Message, MessageKey } from './i18n.ts';
import type { Icon } from './templates.ts';
import type { PasswordBounds, Problem } from './problems.ts';
import type { ProfileControl } from './profile-layout.ts';

/** Data that any page may have besides its own. */
export interface Frame {
  /** The client that the person came from or goes to: its name, logo and policies are shown. Untrusted. */
  client?: ClientMetadata | undefined;
  /** The `ui_locales` of the request (OpenID Connect Core section 3.1.2.1). */
  uiLocales?: string | undefined;
  /** Whether the form may lead to a client (see PageSources). */
  leadsToClient?: boolean;
  /** External images, besides the logos of the client and the brand. */
  images?: readonly string[];
  /** Pages of clients that are loaded in hidden frames. */
  frames?: readonly string[];
  /** The partial around the page. Default: that of the hosted pages. */
  layout?: string;
}

/** An operator's view as a person: whom, and how to end it. */
export interface Viewing {
  /** The person's name. */
  name: string;
  until: Date;
  action: string;
  csrf: string;
}

/** The current account, as its owner knows it. */
interface AccountDisplay {
  email: string;
  name?: string | null | undefined;
  username?: string | null | undefined;
}

/** A form: its action and its CSRF token. */
interface Form {
  action: string;
  csrf: string;
  /** Mistakes of the last attempt; empty on first display. */
  problems: readonly Problem[];
}

/** A form with input fields. */
interface Entry extends Form {
  /** The action of "cancel" (posted with only the token); without it there is no such button. */
  cancelAction?: string | undefined;
}

/** The frame of account pages. */
export interface AccountFrame {
  section:
    | 'overview'
    | 'profile'
    | 'email'
    | 'password'
    | 'factors'
    | 'identities'
    | 'sessions'
    | 'apps'
    | 'requests'
    | 'activity'
    | 'data';
  account: User;
  csrf: string;
  /** Mistakes of the posted form. */
  problems: readonly Problem[];
  /** Whether there are other providers to sign in with. */
  hasUpstreams?: boolean;
  /** The result of the last form. */
  done: MessageKey | null;
}

/** Another provider. The page may load its logo. */
export interface UpstreamDisplay {
  id: string;
  name: string;
  logo: string | undefined;
  url: string;
}

/** Every page, with its data. */
interface Views {
  /** Pages of operators. Their data is declared where they are shown (`src/http/console`). */
  [page: `console/${string}`]: { csrf: string } & Readonly<Record<string, unknown>>;

  /** `/` for visitors who are not signed in. */
  'home': {
    signInUrl: string;
    createAccountUrl?: string | undefined;
    discoveryUrl: string;
    docsUrl?: string | undefined;
  };

  /** Posts `identifier`, `password` and `remember=yes`. */
  'sign-in': Entry & {
    /** As typed, or `login_hint`. */
    identifier: string;
    remember: boolean;
    /** Seconds that "stay signed in" lasts; undefined when the session keeps its lifetime. */
    rememberFor: number | undefined;
    /** Why a signed-in person has to sign in again, and for which action. */
    notice?: Message | undefined;
    act?: Message | undefined;
    /** Where to request a mailed link, with `identifier`, when wrong passwords have locked the account. */
    linkAction?: string | undefined;
    /** Options for a passkey; also the action for its response, posted as `passkey` (JSON) with `remember`. */
    passkeyUrl: string;
    createAccountUrl?: string | undefined;
    /** The same page, to sign in with another account. */
    otherUrl?: string | undefined;
    forgotUrl?: string | undefined;
    /** Other providers for signing in. */
    upstreams?: readonly UpstreamDisplay[];
  };

  /** Posts `code` or `passkey` (JSON), and `trust=yes`. */
  'second-factor': Entry & {
    account: AccountDisplay;
    methods: readonly SecondFactor[];
    /** Whether the passkey must verify its user. */
    verified: boolean;
    /** Whether the page asks for a recovery code. */
    method: 'recovery' | null;
    /** Seconds that a device stays trusted. */
    trustFor: number;
    optionsUrl: string;
    recoveryUrl: string;
    otherUrl: string;
    signInUrl: string;
  };

  /** Posts `code` or `passkey` (JSON). */
  'enrol': Entry & {
    account: AccountDisplay;
    passkeyOnly: boolean;
    secret: string;
    uri: string;
    qrCode: string;
    optionsUrl: string;
  };

  /** Recovery codes, shown once before the login continues. */
  'enrolled': { account: AccountDisplay; codes: readonly string[]; continueUrl: string };

  /** Posts `email`, or all of `name`, `username`, `email` and `password`. */
  'create-account': { signInUrl: string } & (
    | { step: 'closed' }
    | (Entry & { step: 'email'; email: string })
    | (Entry & {
        step: 'all';
        /** Includes attributes, by the names of their controls. */
        values: { name: string; username: string; email: string } & Readonly<Record<string, string>>;
        /** Controls of required attributes. */
        more?: readonly ProfileControl[];
        labels?: Readonly<Record<string, Message>>;
        /** Whether the address is verified, and cannot be changed here. */
        proven: boolean;
        passwordLength: PasswordBounds;
      })
  );

  /** Posts `identifier`. */
  'forgot-password': Entry & { identifier: string; signInUrl: string };

  /** A link was mailed. */
  'mail-sent': {
    text: Message;
    /** Where to request another one. */
    againUrl: string;
    signInUrl: string;
    devMailUrl: string | undefined;
  };

  /** Posts `password`. */
  'reset-password': Entry & { account: AccountDisplay; passwordLength: PasswordBounds };

  /**
   * Posts `password` where the owner has to enter it, and nothing where they are signed in. Instead, posts `unknown=yes` when
   * the person does not know the account, or `disown=yes` when the account is somebody else's.
   */
  'verify-email': Entry & { email: string; asks: 'nothing' | 'password' | 'sign-in'; isMove: boolean };

  /** Posts `password`. */
  'undo': Entry & { email: string; matter: Undoable; passwordLength: PasswordBounds };

  /** Posts only the token, to continue with the account that is signed in. */
  'select-account': Entry & { account: AccountDisplay; otherUrl: string };
  'not-allowed': Form & { account: AccountDisplay; otherUrl: string };
  /** Posts only the token. */
  'sign-in-link': Form & { email: string };

  /** Posts `decision`: `allow` or `deny`. "Switch account" is posted to its own action with only the token. */
  'consent': Required<Pick<Frame, 'client'>> &
    Form & {
      client: ClientMetadata;
      account: AccountDisplay;
      switchAction: string;
      /** The requested scopes that belong to no API. */
      scopes: readonly string[];
      apis: readonly ApiAccess[];
      details: readonly DetailDisplay[];
      /** Maximum seconds until the access ends. */
      lasts: number;
      /** Undefined when the person continues on the requesting device. */
      redirectUri: string | undefined;
    };

  /** Posts `user_code` and the fields. */
  'device-code': {
    action: string;
    fields: Readonly<Record<string, string>>;
    userCode: string;
    problems: readonly Problem[];
  };

  /** Posts the fields and `confirm=yes` or `abort=yes`. */
  'device-confirm': Required<Pick<Frame, 'client'>> & {
    client: ClientMetadata;
    action: string;
    fields: Readonly<Record<string, string>>;
    userCode: string;
    /** Where the device's request came from, as far as known. */
    from: Device & { ip: string | null };
  };

  /** Posts `logout=yes` to sign out, and without it to stay. Posts the fields either way. */
  'logout': {
    action: string;
    fields: Readonly<Record<string, string>>;
    account?: AccountDisplay | undefined;
  };

  /** After logout. `stayed`: only the client has ended its session; the one here continues. */
  'logged-out': {
    stayed: boolean;
    signInUrl: string;
    /** Where the browser continues after the frames have loaded. */
    continueUrl?: string | undefined;
  };

  /**
   * Submits itself where there is JavaScript. Posts the response of an authorization request to the client, completes a logout
   * without a session (for no client if the person came from none), or repeats a form that another site posted here.
   */
  'form-post': {
    action: string;
    fields: readonly (readonly [name: string, value: string])[];
  };

  /** `/` for a person who is signed in. Posts to sign out. */
  'signed-in': Form & { account: AccountDisplay; accountUrl: string };

  /** The interaction has ended, and the person is signed in to the app. */
  'finished': { appUrl: string | undefined };

  /** The interaction has ended: timed out, finished in another tab, or without its cookie. */
  'expired': { homeUrl: string };

  'error': {
    /** A code of `core/errors.ts` or of OAuth, `csrf`, `not_found` or `server_error`. */
    code: string;
    /** What went wrong, for the app's developers. Not translated. */
    description?: string | undefined;
    requestId: string;
    homeUrl: string;
    /** Help for the app's developers, if the person may be one. Not translated. */
    help?: DeveloperHelp | undefined;
  };

  'account/overview': AccountFrame & {
    /** Counts. */
    factors: number;
    recoveryCodesLeft: number;
    sessions: number;
    apps: number;
    /** Requests waiting for an answer. */
    requests: number;
    /** The latest events. */
    latest: readonly EventLine[];
  };

  /** Posts the fields of `values`. */
  'account/profile': AccountFrame &
    Entry & {
      values: Readonly<Record<string, string>>;
      sections: readonly ProfileSection[];
      /** Labels of attributes, by the name of the control. */
      labels?: Readonly<Record<string, Message>>;
    };

  /** Posts `email`. A request for another link posts only the token. */
  'account/email': AccountFrame &
    Entry & {
      resendAction: string;
      email: string;
      /** Where a link was just sent. */
      sentTo: string | null;
      devMailUrl: string | undefined;
    };

  /** Posts `current` and `password`. */
  'account/password': AccountFrame & Entry & { passwordLength: PasswordBounds; hasPassword: boolean };

  /** Posts to the URLs of the factors. */
  'account/factors': AccountFrame & {
    status: Awaited<ReturnType<Mfa['status']>>;
  };

  /** Posts `code`. */
  'account/totp': AccountFrame & Entry & { backUrl: string; secret: string; uri: string; qrCode: string };

  /** Shown once. */
  'account/codes': AccountFrame & { codes: readonly string[]; continueUrl: string };

  /** Posts to remove an identity. */
  'account/identities': AccountFrame & {
    identities: readonly (LinkedIdentity & { name: string })[];
    upstreams: readonly UpstreamDisplay[];
  };

  /** Posts only the token, to connect the identity. */
  'account/link-identity': AccountFrame & Form & { name: string; label: string; backUrl: string };

  /** `app`: of a device that signed in with a code. */
  'account/sessions': AccountFrame & {
    sessions: readonly (AccountSession & { current: boolean; app: ClientMetadata | null })[];
  };

  /** Posts `client`, or to revoke a key. */
  'account/apps': AccountFrame & {
    action: string;
    apps: readonly (Pick<ConnectedApp, 'clientId' | 'since' | 'lastUsedAt'> & {
      client: ClientMetadata & { isDisabled?: boolean };
      scopes: readonly string[];
      apis: readonly ApiAccess[];
    })[];
    /** Posts to the URLs of the keys below this path. */
    keysAction: string;
    apiKeys: readonly ApiKey[];
  };

  /** Posts to the URLs of the requests. */
  'account/requests': AccountFrame & {
    action: string;
    requests: readonly {
      id: string;
      client: ClientMetadata;
      bindingMessage: string | null;
      createdAt: Date;
      expiresAt: Date;
      scopes: readonly string[];
      apis: readonly ApiAccess[];
    }[];
    /** Operators who request a view of the account. Posts below `views/`. */
    views: readonly ViewRequest[];
  };

  /** Submits its fields by itself where there is JavaScript. */
  'account/continue': AccountFrame & { action: string; fields: Readonly<Record<string, string>> };

  'account/activity': AccountFrame & { days: readonly EventDay[] };

  'account/data': AccountFrame & { downloadUrl: string; deleteUrl: string };

  /** Posts `email`. */
  'account/delete': AccountFrame & Entry & { email: string };

  /** A step of an interaction that is only for the person, not for an operator viewing as them. */
  'not-viewing': Frame & { csrf: string; abortAction: string };

  /** A notice. */
  'message': {
    icon?: Icon | undefined;
    title: Message;
    text: Message;
    link?: { url: string; label: Message } | undefined;
  };
}

export type ViewName = keyof Views;
export type ViewData<V extends ViewName> = Views[V] & Frame;
