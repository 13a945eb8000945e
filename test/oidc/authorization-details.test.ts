import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { runCli } from '../support/postern.ts';
import {
  authorizationUrl,
  exchange,
  introspect,
  post,
  refresh,
  signIn,
  type Tokens,
} from './support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from './support/provider.ts';
import { type Page, UserAgent } from './support/user-agent.ts';

const API = 'https://bank.example.test';
const OPAQUE = 'https://opaque.example.test';
const amount = {
  type: 'object',
  required: ['value', 'currency'],
  additionalProperties: false,
  properties: { value: { type: 'string', pattern: '^[0-9.]+$' }, currency: { enum: ['EUR', 'USD'] } },
};
const lists = {
  actions: { type: 'array', items: { enum: ['list', 'read'] } },
  locations: { type: 'array', items: { type: 'string' } },
};
const authorizationDetails = {
  payment: {
    schema: {
      type: 'object',
      required: ['amount', 'creditor'],
      additionalProperties: false,
      properties: { amount, creditor: { type: 'string', maxLength: 200 } },
    },
    sentence: {
      en: 'Pay {amount.value} {amount.currency} to {creditor}, {nothing}',
      de: '{amount.value} {amount.currency} an {creditor} zahlen',
      es: 'Pagar {amount.value} {amount.currency} a {creditor}',
      zh: '向 {creditor} 支付 {amount.value} {amount.currency}',
    },
  },
  accounts: {
    schema: { type: 'object', additionalProperties: false, properties: lists },
    sentence: { en: 'See your accounts', de: 'Ihre Konten sehen', es: 'Ver tus cuentas', zh: '查看您的账户' },
  },
};
const PAYMENT = { type: 'payment', amount: { value: '12.50', currency: 'EUR' }, creditor: 'Acme <b>Ltd</b>' };
const ACCOUNTS = { type: 'accounts', actions: ['list', 'read'], locations: [API] };

let provider: Provider;
let person: Person;
let client: Client;
beforeAll(async () => {
  provider = await startProvider({ settings: { authorizationDetails } });
  person = await provider.createPerson();
  await provider.createApi({ identifier: API, scopes: ['read'] });
  await provider.createApi({ identifier: OPAQUE, accessTokenFormat: 'opaque' });
  client = await provider.createClient({
    default_resource: API,
    authorization_details_types: ['payment', 'accounts'],
  });
});

const asked = (details: unknown, more: Record<string, string> = {}) => ({
  authorization_details: typeof details === 'string' ? details : JSON.stringify(details),
  ...more,
});

describe('authorization details (RFC 9396)', () => {
  it('are shown in the operator’s words, in the person’s language, with all their content', async () => {
    const agent = new UserAgent(provider.url);
    const start = await agent.open(authorizationUrl(provider, client, asked([PAYMENT, ACCOUNTS])));
    const page = await agent.submit(
      start,
      { identifier: person.email, password: person.password },
      '/sign-in',
    );
    expect(page.html).toContain('Pay 12.50 EUR to Acme &lt;b&gt;Ltd&lt;/b&gt;, –');
    expect(page.html).toContain('See your accounts');
    for (const fact of ['amount.value: 12.50', 'actions.0: list', `locations.0: ${API}`])
      expect(page.html).toContain(`<code>${fact}</code>`);
    const german = await agent.open(`${page.url.href}?lang=de`);
    expect(german.html).toContain('12.50 EUR an Acme');
  });

  it('are shown completely at any length, without characters that hide or reverse text', async () => {
    const agent = new UserAgent(provider.url);
    const creditor = `${'A'.repeat(150)}\u202egnirotS`;
    const start = await agent.open(authorizationUrl(provider, client, asked([{ ...PAYMENT, creditor }])));
    const page = await agent.submit(
      start,
      { identifier: person.email, password: person.password },
      '/sign-in',
    );
    expect(page.html).toContain(`creditor: ${'A'.repeat(150)} gnirotS`);
    expect(page.html).not.toContain('\u202e');
  });

  it.each([
    ['opaque', OPAQUE],
    ['JWT', API],
  ])(
    'are in the reply, in the %s token and its introspection, and stay after a refresh',
    async (format, resource) => {
      const tokens = await signIn(provider, client, person, {
        parameters: asked([PAYMENT], { resource, scope: 'openid read' }),
      });
      const refreshed = await refresh(provider, client, tokens.refresh_token, { resource });
      for (const reply of [tokens, refreshed.body]) {
        expect(reply).toMatchObject({ authorization_details: [PAYMENT] });
        const { body } = await introspect(provider, client, reply.access_token);
        expect(body).toMatchObject({ active: true, authorization_details: [PAYMENT] });
        if (format === 'JWT')
          expect(decodeJwt(reply.access_token)).toMatchObject({ authorization_details: [PAYMENT] });
      }
    },
  );

  it('can be reduced in a token but not extended, and the refresh token keeps them all', async () => {
    const tokens = await signIn(provider, client, person, { parameters: asked([PAYMENT, ACCOUNTS]) });
    const next = (token: string, details: unknown) => refresh(provider, client, token, asked(details));
    const less = [{ ...ACCOUNTS, actions: ['read'] }];
    const narrowed = await next(tokens.refresh_token, less);
    expect(narrowed.body).toMatchObject({ authorization_details: less });
    let token = narrowed.body.refresh_token;
    for (const more of [
      [{ ...PAYMENT, amount: { value: '13', currency: 'EUR' } }],
      [{ ...PAYMENT, creditor: 'Other' }],
      [{ ...ACCOUNTS, locations: ['https://other.example.test'] }],
      [{ type: 'accounts', actions: ['read'] }],
      [{ ...ACCOUNTS, actions: [] }],
    ]) {
      const refused = await next(token, more);
      expect(refused).toMatchObject({ status: 400, body: { error: 'invalid_authorization_details' } });
      token = (await refresh(provider, client, tokens.refresh_token)).body.refresh_token ?? token;
    }
    const all = await refresh(provider, client, token);
    expect(all.body).toMatchObject({ authorization_details: [PAYMENT, ACCOUNTS] });
  });

  it('can be reduced at the code exchange', async () => {
    const agent = new UserAgent(provider.url);
    const start = await agent.open(authorizationUrl(provider, client, asked([PAYMENT, ACCOUNTS])));
    let page: Page = await agent.submit(
      start,
      { identifier: person.email, password: person.password },
      '/sign-in',
    );
    page = await agent.submit(page, { decision: 'allow' }, '/consent');
    const code = page.leftFor?.searchParams.get('code') ?? '';
    const { body } = await exchange(provider, client, code, asked([PAYMENT]));
    expect(body as Tokens & object).toMatchObject({ authorization_details: [PAYMENT] });
  });

  it('need consent each time, also for first-party clients, and cannot be granted without a person', async () => {
    const trusted = await provider.createClient({
      default_resource: API,
      first_party: true,
      authorization_details_types: ['payment'],
    });
    const agent = new UserAgent(provider.url);
    await signIn(provider, trusted, person, { agent, parameters: asked([PAYMENT]) });
    const again = await agent.open(authorizationUrl(provider, trusted, asked([PAYMENT])));
    expect(again.html).toContain('Pay 12.50 EUR');
    const silent = await agent.open(
      authorizationUrl(provider, trusted, asked([PAYMENT], { prompt: 'none' })),
    );
    expect(silent.leftFor?.searchParams.get('error')).toMatch(/^(interaction|consent)_required$/);
    // Details that were granted once are not part of requests without them.
    const plain = await signIn(provider, trusted, person, { agent });
    expect(plain).not.toHaveProperty('authorization_details');
    const event = await provider.audited('consent.granted', person.id);
    expect(event).toMatchObject({ details: { authorizationDetails: expect.any(Array) } });
  });

  it('are never granted to a service account', async () => {
    const service = await provider.createClient({
      grant_types: ['client_credentials'],
      authorization_details_types: ['accounts'],
    });
    const reply = await post(
      provider,
      'token',
      service,
      asked([ACCOUNTS], { grant_type: 'client_credentials' }),
    );
    expect(reply).toMatchObject({ status: 400, body: { error: 'invalid_authorization_details' } });
  });

  it.each([
    ['invalid JSON', '{'],
    ['something that is not a list', JSON.stringify(PAYMENT)],
    ['a number in the list', '[1]'],
    ['no type', '[{}]'],
    ['an unknown type', '[{"type":"nothing"}]'],
    ['a type named like a JavaScript property', '[{"type":"__proto__"}]'],
    ['an extra field', JSON.stringify([{ ...PAYMENT, urgent: true }])],
    ['a missing field', '[{"type":"payment"}]'],
    ['a wrong value', JSON.stringify([{ ...PAYMENT, amount: { value: 'all', currency: 'EUR' } }])],
    ['a wrong value of a common field', '[{"type":"accounts","actions":"read"}]'],
  ])('are refused with %s', async (_what, details) => {
    const page = await new UserAgent(provider.url).open(authorizationUrl(provider, client, asked(details)));
    expect(page.leftFor?.searchParams.get('error')).toBe('invalid_authorization_details');
    const parameters = Object.fromEntries(new URL(authorizationUrl(provider, client)).searchParams);
    const pushed = await post(provider, 'par', client, { ...parameters, ...asked(details) });
    expect(pushed).toMatchObject({ status: 400, body: { error: 'invalid_authorization_details' } });
  });

  it('are refused for a type that the client may not request', async () => {
    const other = await provider.createClient({
      default_resource: API,
      authorization_details_types: ['accounts'],
    });
    const page = await new UserAgent(provider.url).open(authorizationUrl(provider, other, asked([PAYMENT])));
    expect(page.leftFor?.searchParams.get('error')).toBe('invalid_authorization_details');
    const refused = provider.createClient({
      default_resource: API,
      authorization_details_types: ['nothing'],
    });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_client_metadata' });
  });

  it('are listed in discovery', async () => {
    const reply = await fetch(`${provider.url}/.well-known/openid-configuration`);
    expect(await reply.json()).toMatchObject({
      authorization_details_types_supported: ['payment', 'accounts'],
    });
  });
});

it('the server does not start with a type of authorization details without schema or sentences in every language', async () => {
  const settings = {
    authorizationDetails: {
      one: { schema: { type: 'nothing' }, sentence: authorizationDetails.accounts.sentence },
    },
  };
  const noSchema = await runCli(['migrate'], { settings });
  expect(noSchema.stderr).toContain('authorizationDetails.one.schema: must be a JSON Schema of type object');
  const noSentence = await runCli(['migrate'], {
    settings: {
      authorizationDetails: { one: { schema: { type: 'object', properties: {} }, sentence: { en: 'One' } } },
    },
  });
  expect(noSentence.stderr).toContain('authorizationDetails.one.sentence.de: is missing');
});
