import { account, client, form, longNamed, type Sample, sample } from './sample.ts';

const consent = {
  action: '/interaction/x/consent',
  ...form,
  client,
  account,
  switchAction: '/interaction/x/switch',
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  details: [
    {
      sentence: 'Pay 12.50 EUR to Acme',
      facts: ['amount.value: 12.50', 'amount.currency: EUR', 'creditor: Acme'],
    },
  ],
  apis: [
    { name: 'Orders API', scopes: ['orders:read', 'orders:write'] },
    { name: 'Postern API', isOwn: true, scopes: ['me:profile:read', 'me:security:write', 'me:delete'] },
  ],
  lasts: 7_776_000,
  redirectUri: 'https://reports.acme.example/callback',
};

/** The consent page and the page for apps that only some people may use. */
export const consentSamples: Readonly<Record<string, Sample>> = {
  'consent': sample('consent', consent),
  'consent-app': sample('consent', {
    ...consent,
    client: {
      ...longNamed,
      clientId: 'https://xn--a-rather-long-host-kva.assistants.example/client.json',
      registration: 'document',
      redirectUris: ['http://localhost/callback'],
    },
    account: { email: 'a-rather-long-address.of.somebody@department.university.example' },
    scopes: ['openid', 'address', 'phone', 'calendar'],
    redirectUri: 'com.example.app:/callback',
    lasts: 1800,
    apis: [],
  }),
  'consent-device': sample('consent', { ...consent, redirectUri: undefined }),
  'not-allowed': sample('not-allowed', {
    ...form,
    action: '/interaction/x/not-allowed',
    client: longNamed,
    account,
    otherUrl: '/interaction/x/sign-in',
  }),
};
