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

/** What any page may be told besides its own data. */
export interface Frame {
  /** The client that the person came from or goes to: its name, logo and policies are shown. Untrusted. */
  client?: ClientMetadata | undefined;
  /** The `ui_locales` of the request (OpenID Connect Core section 3.1.2.1). */
  uiLocales?: string | undefined;
  /** Whether answering the form may lead on to a client (see PageSources). */
  leadsToClient?: boolean;
  /** Images from elsewhere, besides the logos of the client and the brand. */
  images?: readonly string[];
  /** Pages of clients that are loaded out of sight. */
  frames?: readonly string[];
  /** The partial around the page; that of the hosted pages unless given. */
  layout?: string;
}

/** Of an operator who views as a person: whom, and how it ends. */
export interface Viewing {
  /** The person's. */
  name: string;
  until: Date;
  action: string;
  csrf: string;
}

/** The account in use, as its owner knows it. */
interface AccountDisplay {
  email: string;
  name?: string | null | undefined;
  username?: string | null | undefined;
}

/** A form: where it is posted, and its CSRF token. */
interface Form {
  action: string;
  csrf: string;
  /** Mistakes of the last attempt; empty at first. */
  problems: readonly Problem[];
}

/** A form that people type into. */
interface Entry extends Form {
  /** Where "cancel" is posted (with the token alone); without it there is no such button. */
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

/** Another provider: its logo is an address that the page may load. */
export interface UpstreamDisplay {
  id: string;
  name: string;
  logo: string | undefined;
  url: string;
}

/** Every page, with the data that it needs. */
interface Views {
  /** Of operators: what each needs is said where it is shown (`src/http/console`). */
  [page: `console/${string}`]: { csrf: string } & Readonly<Record<string, unknown>>;

  /** `/`, not signed in. */
  'home': {
    signInUrl: string;
    createAccountUrl?: string | undefined;
    discoveryUrl: string;
    docsUrl?: string | undefined;
  };

  /** Posts `identifier`, `password` and `remember=yes`. */
  'sign-in': Entry & {
    /** The typed value, or `login_hint`. */
    identifier: string;
    remember: boolean;
    /** Seconds that "stay signed in" lasts; undefined for somebody whose session lasts as long as it did. */
    rememberFor: number | undefined;
    /** The reason for a new sign-in of a signed-in person, and what follows. */
    notice?: Message | undefined;
    act?: Message | undefined;
    /** Where a link by mail is asked for, with `identifier`, when wrong passwords have locked the account. */
    linkAction?: string | undefined;
    /** Options for a passkey, and where its answer is posted as `passkey` (JSON), with `remember`. */
    passkeyUrl: string;
    createAccountUrl?: string | undefined;
    /** The same page for another account than the one that is signed in. */
    otherUrl?: string | undefined;
    forgotUrl?: string | undefined;
    /** Other providers to sign in with. */
    upstreams?: readonly UpstreamDisplay[];
  };

  /** Posts `code` or `passkey` (JSON), and `trust=yes`. */
  'second-factor': Entry & {
    account: AccountDisplay;
    methods: readonly SecondFactor[];
    /** Whether the passkey must verify its user. */
    verified: boolean;
    /** Whether a recovery code is asked for. */
    method: 'recovery' | null;
    /** Seconds that the device is trusted for. */
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

  /** Recovery codes, shown once, on the way on. */
  'enrolled': { account: AccountDisplay; codes: readonly string[]; continueUrl: string };

  /** Posts `email`, or all of `name`, `username`, `email` and `password`. */
  'create-account': { signInUrl: string } & (
    | { step: 'closed' }
    | (Entry & { step: 'email'; email: string })
    | (Entry & {
        step: 'all';
        /** With those of attributes by the names of their controls. */
        values: { name: string; username: string; email: string } & Readonly<Record<string, string>>;
        /** Of attributes that everybody has to have. */
        more?: readonly ProfileControl[];
        labels?: Readonly<Record<string, Message>>;
        /** Whether the address is proved, and cannot be changed here. */
        proven: boolean;
        passwordLength: PasswordBounds;
      })
  );

  /** Posts `identifier`. */
  'forgot-password': Entry & { identifier: string; signInUrl: string };

  /** A link is on its way. */
  'mail-sent': {
    text: Message;
    /** Where to ask for another one. */
    againUrl: string;
    signInUrl: string;
    devMailUrl: string | undefined;
  };

  /** Posts `password`. */
  'reset-password': Entry & { account: AccountDisplay; passwordLength: PasswordBounds };

  /**
   * Posts `password` where the account's owner has to be known by it, and nothing where they are signed in; instead of
   * that `unknown=yes` by somebody who does not know the account, or of another one's `disown=yes`.
   */
  'verify-email': Entry & { email: string; asks: 'nothing' | 'password' | 'sign-in'; isMove: boolean };

  /** Posts `password`. */
  'undo': Entry & { email: string; matter: Undoable; passwordLength: PasswordBounds };

  /** Posts nothing but the token, to go on with the account that is signed in. */
  'select-account': Entry & { account: AccountDisplay; otherUrl: string };
  'not-allowed': Form & { account: AccountDisplay; otherUrl: string };
  /** Posts nothing of its own. */
  'sign-in-link': Form & { email: string };

  /** Posts `decision`: `allow` or `deny`; "switch account" is posted to its own action with the token alone. */
  'consent': Required<Pick<Frame, 'client'>> &
    Form & {
      client: ClientMetadata;
      account: AccountDisplay;
      switchAction: string;
      /** The scopes asked for that no API owns. */
      scopes: readonly string[];
      apis: readonly ApiAccess[];
      details: readonly DetailDisplay[];
      /** Seconds until the access ends at the latest. */
      lasts: number;
      /** Without it the person goes on at the device that asks. */
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
    /** Where the device asked from, as far as that is known. */
    from: Device & { ip: string | null };
  };

  /** Posts `logout=yes` to sign out, nothing of that name to stay; the fields are posted either way. */
  'logout': {
    action: string;
    fields: Readonly<Record<string, string>>;
    account?: AccountDisplay | undefined;
  };

  /** After logout. `stayed`: of the client alone, the session here goes on. */
  'logged-out': {
    stayed: boolean;
    signInUrl: string;
    /** Where the browser goes on once the frames are loaded. */
    continueUrl?: string | undefined;
  };

  /**
   * Posts by itself where there is JavaScript: the answer of an authorization request to the client, or somebody who signs
   * out and was not signed in on to the end, with no client if they came from none; or once more what another site posted
   * here.
   */
  'form-post': {
    action: string;
    fields: readonly (readonly [name: string, value: string])[];
  };

  /** `/`, signed in; posts to sign out. */
  'signed-in': Form & { account: AccountDisplay; accountUrl: string };

  /** The interaction is over, and the person signed in to the app. */
  'finished': { appUrl: string | undefined };

  /** The interaction is over: timed out, finished in another tab, or its cookie is gone. */
  'expired': { homeUrl: string };

  'error': {
    /** A code of `core/errors.ts` or of OAuth, `csrf`, `not_found` or `server_error`. */
    code: string;
    /** What went wrong, for the makers of the app. Not translated. */
    description?: string | undefined;
    requestId: string;
    homeUrl: string;
    /** What developers of the app are told, where the person before the page may be one. Not translated. */
    help?: DeveloperHelp | undefined;
  };

  'account/overview': AccountFrame & {
    /** How many of each there are. */
    factors: number;
    recoveryCodesLeft: number;
    sessions: number;
    apps: number;
    /** Those that wait for an answer. */
    requests: number;
    /** What happened last. */
    latest: readonly EventLine[];
  };

  /** Posts what `values` has. */
  'account/profile': AccountFrame &
    Entry & {
      values: Readonly<Record<string, string>>;
      sections: readonly ProfileSection[];
      /** Of attributes, by the name of the control. */
      labels?: Readonly<Record<string, Message>>;
    };

  /** Posts `email`; asking for another link posts the token alone. */
  'account/email': AccountFrame &
    Entry & {
      resendAction: string;
      email: string;
      /** Where a link was sent just now. */
      sentTo: string | null;
      devMailUrl: string | undefined;
    };

  /** Posts `current` and `password`. */
  'account/password': AccountFrame & Entry & { passwordLength: PasswordBounds; hasPassword: boolean };

  /** Posts to the factors' own addresses. */
  'account/factors': AccountFrame & {
    status: Awaited<ReturnType<Mfa['status']>>;
  };

  /** Posts `code`. */
  'account/totp': AccountFrame & Entry & { backUrl: string; secret: string; uri: string; qrCode: string };

  /** Shown once. */
  'account/codes': AccountFrame & { codes: readonly string[]; continueUrl: string };

  /** Posts to take an identity off. */
  'account/identities': AccountFrame & {
    identities: readonly (LinkedIdentity & { name: string })[];
    upstreams: readonly UpstreamDisplay[];
  };

  /** Posts nothing but the token, to connect it. */
  'account/link-identity': AccountFrame & Form & { name: string; label: string; backUrl: string };

  /** `app`: of a device that was signed in by a code. */
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
    /** Posts to the keys' own addresses under this one. */
    keysAction: string;
    apiKeys: readonly ApiKey[];
  };

  /** Posts to the requests' own addresses. */
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
    /** Of operators who would like to view the account: posted below `views/`. */
    views: readonly ViewRequest[];
  };

  /** Posts the fields by itself where there is JavaScript. */
  'account/continue': AccountFrame & { action: string; fields: Readonly<Record<string, string>> };

  'account/activity': AccountFrame & { days: readonly EventDay[] };

  'account/data': AccountFrame & { downloadUrl: string; deleteUrl: string };

  /** Posts `email`. */
  'account/delete': AccountFrame & Entry & { email: string };

  /** A notice. */
  /** Of an interaction that is the person's alone. */
  'not-viewing': Frame & { csrf: string; abortAction: string };

  'message': {
    icon?: Icon | undefined;
    title: Message;
    text: Message;
    link?: { url: string; label: Message } | undefined;
  };
}

export type ViewName = keyof Views;
export type ViewData<V extends ViewName> = Views[V] & Frame;
