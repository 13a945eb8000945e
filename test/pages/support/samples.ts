import { qrCode } from '../../../src/http/pages/templates.ts';
import { noUser } from '../../../src/storage/users.ts';
import { consentSamples } from './consent-samples.ts';
import { linkSamples } from './link-samples.ts';
import { account, client, form, longNamed, type Sample, sample } from './sample.ts';

const signIn = {
  ...form,
  action: '/sign-in',
  identifier: '',
  remember: false,
  rememberFor: 2_592_000,
  passkeyUrl: '/passkey-options',
  createAccountUrl: '/register',
};
const inside = {
  client,
  cancelAction: '/interaction/x/abort',
  leadsToClient: true,
};
const createAccount = {
  ...form,
  step: 'all' as const,
  proven: false,
  action: '/register',
  values: { name: '', username: '', email: '' },
  passwordLength: { min: 8, max: 128 },
  signInUrl: '/sign-in',
};
const createAccountStart = {
  ...form,
  step: 'email' as const,
  action: '/register',
  email: '',
  signInUrl: '/sign-in',
};
const forgot = { ...form, action: '/forgot-password', identifier: '', signInUrl: '/sign-in' };
const secondFactor = {
  ...form,
  action: '/sign-in/verify',
  account,
  methods: ['otp', 'recovery'] as const,
  verified: false,
  method: null,
  trustFor: 2_592_000,
  optionsUrl: '/passkey-options',
  recoveryUrl: '/sign-in/verify?method=recovery',
  otherUrl: '/sign-in/verify',
  signInUrl: '/sign-in',
};
const enrol = {
  ...form,
  action: '/sign-in/enrol',
  account,
  passkeyOnly: false,
  secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP',
  uri: 'otpauth://totp/Postern:maria.keller%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Postern',
  qrCode: qrCode('otpauth://totp/Postern:maria'),
  optionsUrl: '/passkey-options',
};
const owner = {
  ...form,
  account: {
    ...noUser,
    id: '4b0f2c1e-3c2b-4a53-9a57-0d6c3f0c6a10',
    number: 1,
    username: 'maria',
    ...account,
    emailVerifiedAt: new Date('2026-01-01T00:00:00Z'),
    ownerProvenAt: new Date('2026-01-01T00:00:00Z'),
    movedFrom: null,
    givenName: 'Maria',
    familyName: 'Keller',
    locale: 'en',
    status: 'active' as const,
    roles: ['user'],
    hasPassword: true,
    passwordChangedAt: null,
    securityVersion: 0,
    lastLoginAt: null,
    createdAt: new Date('2026-01-01T00:00:00Z'),
    updatedAt: new Date('2026-01-01T00:00:00Z'),
  },
};
const device = { action: '/device', fields: { xsrf: 'x' } };
/** Every view in each of its states. */
export const samples: Readonly<Record<string, Sample>> = {
  'home': sample('home', {
    signInUrl: '/sign-in',
    createAccountUrl: '/register',
    discoveryUrl: '/.well-known/openid-configuration',
    docsUrl: '/docs',
  }),
  'sign-in': sample('sign-in', signIn),
  'sign-in-client': sample('sign-in', {
    ...signIn,
    ...inside,
    forgotUrl: '/forgot',
    identifier: 'maria',
    remember: true,
  }),
  'sign-in-wrong': sample('sign-in', {
    ...signIn,
    ...inside,
    identifier: 'maria',
    problems: [{ field: null, message: 'problem.credentials' }],
  }),
  'sign-in-locked': sample('sign-in', {
    ...signIn,
    ...inside,
    identifier: 'maria',
    linkAction: '/sign-in/link',
    problems: [{ field: null, message: { key: 'problem.locked', params: { wait: { seconds: 900 } } } }],
  }),
  'sign-in-empty': sample('sign-in', {
    ...signIn,
    cancelAction: '/abort',
    problems: [
      { field: 'identifier', message: 'problem.identifierMissing' },
      { field: 'password', message: 'problem.passwordMissing' },
    ],
  }),
  'sign-in-long': sample('sign-in', { ...signIn, client: longNamed, cancelAction: '/abort' }),
  'sign-in-again': sample('sign-in', {
    ...signIn,
    rememberFor: undefined,
    createAccountUrl: undefined,
    otherUrl: '/sign-in?other=',
    notice: 'signIn.again',
    act: { key: 'email.changeTo', params: { email: 'maria.keller@example.com' } },
  }),
  'create-account': sample('create-account', createAccount),
  'create-account-errors': sample('create-account', {
    ...createAccount,
    ...inside,
    values: { name: 'Maria Keller', username: 'maria', email: 'maria@example' },
    problems: [
      { field: 'email', message: 'problem.emailInvalid' },
      { field: 'username', message: 'problem.usernameTaken' },
      { field: 'password', message: { key: 'problem.passwordTooShort', params: { min: 8 } } },
      { field: null, message: 'problem.invalid' },
    ],
  }),
  'sign-in-upstreams': sample('sign-in', {
    ...signIn,
    ...inside,
    upstreams: [
      { id: 'acme', name: 'Acme', logo: undefined, url: '/sign-in/upstream?with=acme' },
      { id: 'long', name: longNamed.clientName, logo: undefined, url: '/sign-in/upstream?with=long' },
    ],
  }),
  'create-account-email': sample('create-account', { ...createAccountStart, ...inside }),
  'create-account-email-wrong': sample('create-account', {
    ...createAccountStart,
    email: 'maria@example',
    problems: [{ field: 'email', message: 'problem.emailInvalid' }],
  }),
  'create-account-proven': sample('create-account', {
    ...createAccount,
    proven: true,
    values: { name: '', username: '', email: 'maria.keller@example.com' },
  }),
  'create-account-closed': sample('create-account', { step: 'closed', signInUrl: '/sign-in' }),
  'select-account': sample('select-account', { ...signIn, ...inside, account, otherUrl: '/sign-in' }),
  'finished': sample('finished', { client, appUrl: 'https://reports.acme.example/' }),
  'finished-app': sample('finished', { client, appUrl: undefined }),
  ...consentSamples,
  'account-continue': sample('account/continue', {
    ...owner,
    section: 'overview',
    done: null,
    action: '/account/requests/x/approve',
    fields: {},
  }),
  'account-requests': sample('account/requests', {
    ...owner,
    section: 'requests',
    done: null,
    action: '/account/requests',
    problems: [],
    views: [
      {
        id: '4b0f2c1e-3c2b-4a53-9a57-0d6c3f0c6a13',
        operator: 'Bo Berg',
        reason: 'Ticket 4711: an invoice does not open',
        createdAt: new Date('2026-11-21T14:00:00Z'),
        expiresAt: new Date('2026-11-21T15:00:00Z'),
      },
    ],
    requests: [
      {
        id: '4b0f2c1e-3c2b-4a53-9a57-0d6c3f0c6a11',
        client,
        bindingMessage: 'Transfer 4711',
        createdAt: new Date('2026-11-21T14:00:00Z'),
        expiresAt: new Date('2026-11-21T14:10:00Z'),
        scopes: ['openid', 'email'],
        apis: [{ name: 'Orders API', scopes: ['orders:read'] }],
      },
      {
        id: '4b0f2c1e-3c2b-4a53-9a57-0d6c3f0c6a12',
        client: longNamed,
        bindingMessage: null,
        createdAt: new Date('2026-11-21T14:01:00Z'),
        expiresAt: new Date('2026-11-21T14:11:00Z'),
        scopes: ['openid'],
        apis: [],
      },
    ],
  }),
  'not-viewing': sample('not-viewing', { csrf: 'x', abortAction: '/interaction/x/abort' }),
  'account-requests-none': sample('account/requests', {
    ...owner,
    section: 'requests',
    done: 'account.doneDenied',
    action: '/account/requests',
    problems: [{ field: null, message: 'problem.requestWeak' }],
    requests: [],
    views: [],
  }),
  'account-apps': sample('account/apps', {
    ...owner,
    section: 'apps',
    done: null,
    action: '/account/apps/disconnect',
    apps: [],
    keysAction: '/account/api-keys',
    apiKeys: [
      {
        id: '6f9d2c1e-3c2b-4a53-9a57-0d6c3f0c6a10',
        prefix: 'ptn_4Vb0qJ9k',
        name: 'Laptop <b>script</b>',
        permissions: ['profile:read'],
        accountId: null,
        createdAt: new Date('2026-01-02T00:00:00Z'),
        expiresAt: new Date('2027-01-02T00:00:00Z'),
        lastUsedAt: new Date('2026-03-02T00:00:00Z'),
      },
    ],
  }),
  'device-code': sample('device-code', { ...device, userCode: '', problems: [] }),
  'device-code-wrong': sample('device-code', {
    ...device,
    userCode: 'BCDF-GHJK',
    problems: [{ field: 'user_code', message: 'problem.userCodeUnknown' }],
  }),
  'device-code-over': sample('device-code', {
    ...device,
    userCode: '',
    problems: [{ field: null, message: 'problem.userCodeUsed' }],
  }),
  'device-confirm': sample('device-confirm', {
    ...device,
    client,
    userCode: 'WDJB-MJHT',
    from: { browser: 'Chrome', system: 'Android', ip: '2001:db8:85a3:1234:5678:8a2e:370:7334' },
  }),
  'device-confirm-unknown': sample('device-confirm', {
    ...device,
    client: longNamed,
    userCode: 'WDJB-MJHT',
    from: { browser: null, system: null, ip: null },
  }),
  'logout': sample('logout', { action: '/logout', fields: { xsrf: 'x' }, account, client }),
  'form-post': sample('form-post', {
    client,
    action: '/callback',
    fields: [
      ['code', 'a"<code>'],
      ['state', 'a state'],
    ],
  }),
  'logged-out': sample('logged-out', { stayed: false, signInUrl: '/sign-in' }),
  'logged-out-continue': sample('logged-out', {
    stayed: false,
    signInUrl: '/sign-in',
    continueUrl: 'https://reports.acme.example/goodbye',
    frames: [],
  }),
  'logged-out-stayed': sample('logged-out', { stayed: true, signInUrl: '/sign-in', client }),
  'logged-out-stayed-unknown': sample('logged-out', { stayed: true, signInUrl: '/sign-in' }),
  'signed-in': sample('signed-in', {
    action: '/sign-out',
    ...form,
    account,
    accountUrl: '/account',
  }),
  'expired': sample('expired', { homeUrl: '/' }),
  'error-app': sample('error', {
    code: 'invalid_client',
    description: 'client is invalid',
    requestId: '0f9a3f57-6d0e-4c7a-9a51-2c1be5a35d0c',
    homeUrl: '/',
  }),
  ...Object.fromEntries(
    ['csrf', 'forbidden', 'not_found', 'rate_limited', 'server_error', 'unavailable'].map((code) => [
      `error-${code}`,
      sample('error', { code, requestId: '0f9a3f57-6d0e-4c7a-9a51-2c1be5a35d0c', homeUrl: '/', client }),
    ]),
  ),
  'second-factor': sample('second-factor', { ...secondFactor, ...inside }),
  'second-factor-wrong': sample('second-factor', {
    ...secondFactor,
    methods: ['passkey', 'otp', 'recovery'],
    problems: [{ field: 'code', message: 'problem.code' }],
  }),
  'second-factor-passkey': sample('second-factor', { ...secondFactor, methods: ['passkey', 'recovery'] }),
  'second-factor-verified': sample('second-factor', {
    ...secondFactor,
    methods: ['passkey'],
    verified: true,
  }),
  'second-factor-recovery': sample('second-factor', { ...secondFactor, method: 'recovery' }),
  'enrol': sample('enrol', { ...enrol, ...inside }),
  'enrol-wrong': sample('enrol', { ...enrol, problems: [{ field: 'code', message: 'problem.code' }] }),
  'enrol-passkey': sample('enrol', { ...enrol, passkeyOnly: true }),
  'enrolled': sample('enrolled', {
    account,
    codes: ['7K2M-Q4TX-9RWD', '3HNP-V8CJ-5ZBF'],
    continueUrl: '/sign-in/continue',
  }),
  'forgot-password': sample('forgot-password', { ...forgot, ...inside }),
  'forgot-password-empty': sample('forgot-password', {
    ...forgot,
    problems: [{ field: 'identifier', message: 'problem.identifierMissing' }],
  }),
  'mail-sent': sample('mail-sent', {
    text: { key: 'mailSent.reset', params: { address: 'maria.keller@example.com' } },
    againUrl: '/forgot-password',
    signInUrl: '/sign-in',
    devMailUrl: '/dev/mail',
  }),
  'mail-sent-register': sample('mail-sent', {
    ...inside,
    text: {
      key: 'mailSent.register',
      params: { address: 'a-rather-long-address.of.somebody@department.university.example' },
    },
    againUrl: '/register',
    signInUrl: '/sign-in',
    devMailUrl: undefined,
  }),
  ...linkSamples,
  'sign-in-link': sample('sign-in-link', {
    action: '/sign-in-link?token=x',
    ...form,
    email: account.email,
  }),
  'message': sample('message', {
    title: 'signedIn.title',
    text: 'signedIn.text',
    link: { url: '/', label: 'action.home' },
  }),
};
