import { describe, expect, test } from '@jest/globals';
import { audit } from '../../../src/storage/audit.ts';
import { Authenticator, type Ceremony } from '../../support/authenticator.ts';
import { at, errorOf, openDomain, openStores, PUBLIC_URL } from '../harness.ts';
import { enrolPasskey, enrolTotp, NOW, person, somewhere } from './people.ts';

const domain = openDomain({ now: NOW }, openStores());
const invalid = (reason: string) => ({ code: 'invalid_passkey', reason });
const right = { code: 'none' };

/** An account with a passkey. */
async function owner(ceremony: Ceremony = {}) {
  const { id } = await person(await domain);
  return { accountId: id, ...(await enrolPasskey(await domain, id, 'Laptop', ceremony)) };
}

/** Uses a passkey for the whole login, or as the second factor of an account. */
async function show(authenticator: Authenticator, of: string | null = null, ceremony: Ceremony = {}) {
  const { passkeys } = (await domain).mfa;
  const options = of === null ? await passkeys.loginOptions() : await passkeys.secondFactorOptions(of);
  return passkeys.authenticate(authenticator.get(options, ceremony), of, somewhere());
}

describe('passkey registration', () => {
  test('prefers a discoverable passkey, under a name that reveals nothing', async () => {
    const { mfa } = await domain;
    const { id, email } = await person(await domain);
    const options = await mfa.passkeys.registrationOptions(id);
    expect(options).toMatchObject({
      rp: { id: 'login.example.com', name: 'Postern' },
      user: { name: email, displayName: email },
      attestation: 'none',
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      timeout: 300_000,
    });
    expect(options.pubKeyCredParams.map(({ alg }) => alg)).toEqual([-8, -7, -257]);
    expect(Buffer.from(options.user.id, 'base64url')).toHaveLength(32);
    expect(Buffer.from(options.user.id, 'base64url').toString('latin1')).not.toContain(id);
    // The name stays the same, so that an authenticator replaces its passkey.
    const many = await Promise.all(Array.from({ length: 5 }, () => mfa.passkeys.registrationOptions(id)));
    expect(new Set(many.map(({ user }) => user.id))).toEqual(new Set([options.user.id]));
    expect(new Set(many.map(({ challenge }) => challenge)).size).toBe(5);
  });

  test('adds a factor, and recovery codes with the first one', async () => {
    const { mfa, sentNotices } = await domain;
    const { accountId, id, recoveryCodes, authenticator } = await owner();
    expect(recoveryCodes).toHaveLength(10);
    const status = await mfa.status(accountId);
    expect(status).toMatchObject({
      passkeys: [{ id, name: 'Laptop', backedUp: true, lastUsedAt: null, transports: ['internal'] }],
      methods: ['passkey', 'recovery'],
    });
    expect(sentNotices.at(-1)).toEqual({
      kind: 'factor-added',
      accountId,
      about: { id, kind: 'passkey', name: 'Laptop' },
    });
    expect((await audit.list({ limit: 1, subject: accountId }))[0]).toMatchObject({
      type: 'factor.added',
      details: { kind: 'passkey', id },
    });
    const { excludeCredentials } = await mfa.passkeys.registrationOptions(accountId);
    const credentialId = authenticator.credentials[0]!.id.toString('base64url');
    expect(excludeCredentials).toMatchObject([{ id: credentialId, transports: ['internal'] }]);
    expect((await enrolPasskey(await domain, accountId, 'Phone')).recoveryCodes).toBeNull();
  });

  test.each<[string, Ceremony]>([
    ['origin', { origin: 'https://evil.example' }],
    ['origin', { origin: 'http://login.example.com' }],
    ['origin', { origin: 'https://login.example.com:8443' }],
    ['origin', { crossOrigin: true }],
    ['rp_id', { rpId: 'evil.example' }],
    ['challenge', { challenge: 'AAAA' }],
    ['challenge', { challenge: Buffer.alloc(54).toString('base64url') }],
    ['malformed', { type: 'webauthn.get' }],
    ['user_verification', { userPresent: false }],
  ])('refuses a wrong %s: %j', async (reason, ceremony) => {
    const { mfa } = await domain;
    const { id } = await person(await domain);
    expect(await errorOf(enrolPasskey(await domain, id, 'Laptop', ceremony))).toEqual(invalid(reason));
    expect(await mfa.hasSecondFactor(id)).toBe(false);
  });

  test('accepts a challenge for its account and purpose, once, within five minutes', async () => {
    const { mfa, advance } = await domain;
    const [{ id }, { id: other }] = [await person(await domain), await person(await domain)];
    const authenticator = new Authenticator(PUBLIC_URL);
    const register = async (ceremony: Ceremony = {}, of = id) => {
      const reply = authenticator.create(await mfa.passkeys.registrationOptions(id), ceremony);
      return errorOf(mfa.passkeys.register(of, reply, 'Laptop', at(null)));
    };
    expect(await register({}, other)).toEqual(invalid('challenge'));
    const { challenge } = await mfa.passkeys.loginOptions();
    expect(await register({ challenge })).toEqual(invalid('challenge'));
    const second = await mfa.passkeys.secondFactorOptions(id);
    expect(await register({ challenge: second.challenge })).toEqual(invalid('challenge'));

    const reply = authenticator.create(await mfa.passkeys.registrationOptions(id));
    advance(300_000);
    expect(await errorOf(mfa.passkeys.register(id, reply, 'Laptop', at(null)))).toEqual(invalid('challenge'));
    advance(-300_000);
    const tries = await Promise.all(
      Array.from({ length: 20 }, () => errorOf(mfa.passkeys.register(id, reply, 'Laptop', at(null)))),
    );
    expect(tries.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(tries.filter(({ reason }) => reason === 'challenge')).toHaveLength(19);
    expect((await mfa.status(id)).passkeys).toHaveLength(1);
  });

  test('refuses a credential id that exists', async () => {
    const { mfa } = await domain;
    const { authenticator } = await owner();
    const { id } = await person(await domain);
    const options = await mfa.passkeys.registrationOptions(id);
    // Created again with an existing id.
    const reply = authenticator.create(options);
    const [first, second] = authenticator.credentials;
    const attestation = Buffer.from(reply.response.attestationObject, 'base64url');
    first!.id.copy(attestation, attestation.indexOf(second!.id));
    const taken = {
      ...reply,
      id: first!.id.toString('base64url'),
      rawId: first!.id.toString('base64url'),
      response: { ...reply.response, attestationObject: attestation.toString('base64url') },
    };
    expect(await errorOf(mfa.passkeys.register(id, taken, 'Laptop', at(null)))).toEqual(
      invalid('already_registered'),
    );
    expect(await mfa.hasSecondFactor(id)).toBe(false);
  });
});

describe.each(['the whole login', 'second factor'])('a passkey as %s', (use) => {
  const ofOwner = (accountId: string) => (use === 'second factor' ? accountId : null);

  test('identifies the account and records its use', async () => {
    const { mfa } = await domain;
    const { accountId, authenticator } = await owner();
    expect(await show(authenticator, ofOwner(accountId))).toEqual({ accountId, method: 'passkey' });
    const { passkeys } = await mfa.status(accountId);
    expect(passkeys[0]?.lastUsedAt).toEqual(new Date(NOW));
  });

  test.each<[string, Ceremony]>([
    ['origin', { origin: 'https://evil.example' }],
    ['origin', { origin: 'https://login.example.com.evil.example' }],
    ['origin', { crossOrigin: true }],
    ['rp_id', { rpId: 'evil.example' }],
    ['challenge', { challenge: 'AAAA' }],
    ['challenge', { challenge: Buffer.alloc(54).toString('base64url') }],
    ['malformed', { type: 'webauthn.create' }],
    ['user_verification', { userPresent: false, userVerified: false }],
    ['unknown', { userHandle: Buffer.alloc(32).toString('base64url') }],
    ['signature', { forged: true }],
  ])('refuses a wrong %s: %j', async (reason, ceremony) => {
    const { accountId, authenticator } = await owner();
    expect(await errorOf(show(authenticator, ofOwner(accountId), ceremony))).toEqual(invalid(reason));
    const [event] = await audit.list({ limit: 1, subject: accountId });
    expect(event).toMatchObject({
      type: 'factor.failed',
      outcome: 'failure',
      details: { method: 'passkey', reason },
    });
    expect(await show(authenticator, ofOwner(accountId))).toMatchObject({ accountId });
  });

  test('refuses a reply to another ceremony, or an altered one', async () => {
    const { mfa } = await domain;
    const { accountId, authenticator } = await owner();
    const of = ofOwner(accountId);
    const challenges = [
      (await mfa.passkeys.registrationOptions(accountId)).challenge,
      (use === 'second factor'
        ? await mfa.passkeys.loginOptions()
        : await mfa.passkeys.secondFactorOptions(accountId)
      ).challenge,
      (await mfa.passkeys.secondFactorOptions((await person(await domain)).id)).challenge,
    ];
    for (const challenge of challenges) {
      expect(await errorOf(show(authenticator, of, { challenge }))).toEqual(invalid('challenge'));
    }
    const options =
      of === null ? await mfa.passkeys.loginOptions() : await mfa.passkeys.secondFactorOptions(of);
    const reply = authenticator.get(options);
    const data = Buffer.from(reply.response.authenticatorData, 'base64url');
    data[36] = 200;
    const changed = {
      ...reply,
      response: { ...reply.response, authenticatorData: data.toString('base64url') },
    };
    expect(await errorOf(mfa.passkeys.authenticate(changed, of, somewhere()))).toEqual(invalid('signature'));
  });

  test('answers a challenge once, within five minutes', async () => {
    const { mfa, advance } = await domain;
    const { accountId, authenticator } = await owner();
    const of = ofOwner(accountId);
    const options =
      of === null ? await mfa.passkeys.loginOptions() : await mfa.passkeys.secondFactorOptions(of);
    const reply = authenticator.get(options);
    const actor = somewhere();
    advance(300_000);
    expect(await errorOf(mfa.passkeys.authenticate(reply, of, actor))).toEqual(invalid('challenge'));
    advance(-300_000);
    const tries = await Promise.all(
      Array.from({ length: 20 }, () => errorOf(mfa.passkeys.authenticate(reply, of, actor))),
    );
    expect(tries.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(tries.filter(({ reason }) => reason === 'challenge')).toHaveLength(19);
  });

  test('reveals a copy by its counter', async () => {
    const { accountId, authenticator } = await owner({ counter: 5 });
    const of = ofOwner(accountId);
    const counts = async (counter: number) => errorOf(show(authenticator, of, { counter }));
    expect(await counts(5)).toEqual(invalid('counter'));
    expect(await counts(0)).toEqual(invalid('counter'));
    expect(await counts(9)).toEqual(right);
    expect(await counts(6)).toEqual(invalid('counter'));
    expect(await counts(9)).toEqual(invalid('counter'));
    expect(await counts(4_294_967_295)).toEqual(right);
    // Two replies with the same counter: one is from a copy.
    const again = await owner({ counter: 1 });
    const both = await Promise.all(
      [1, 2].map(() => errorOf(show(again.authenticator, ofOwner(again.accountId), { counter: 7 }))),
    );
    expect(both.filter(({ code }) => code === 'none')).toHaveLength(1);
    expect(both.filter(({ reason }) => reason === 'counter')).toHaveLength(1);
  });

  test('that was removed or never registered is unknown', async () => {
    const { mfa } = await domain;
    const { accountId, authenticator, id } = await owner();
    await enrolTotp(await domain, accountId);
    await mfa.passkeys.remove(accountId, id, at(null));
    expect(await errorOf(show(authenticator, ofOwner(accountId)))).toEqual(invalid('unknown'));
  });

  test.each([
    undefined,
    null,
    42,
    'text',
    [],
    {},
    { id: 'AAAA', rawId: 'AAAA', type: 'public-key' },
    {
      id: 'AAAA',
      rawId: 'AAAA',
      type: 'public-key',
      response: { clientDataJSON: 'e30', authenticatorData: 'AA', signature: 'AA' },
    },
    {
      id: 'AAAA',
      rawId: 'AAAA',
      type: 'public-key',
      response: { clientDataJSON: '!', authenticatorData: 'AA', signature: 'AA' },
    },
    { id: 'A'.repeat(2000), rawId: 'A', type: 'public-key', response: {} },
    { id: '\0', rawId: '\0', type: 'public-key', response: {} },
  ])('refuses a malformed reply: %#', async (reply) => {
    const { mfa } = await domain;
    const { accountId } = await owner();
    expect(await errorOf(mfa.passkeys.authenticate(reply, ofOwner(accountId), somewhere()))).toEqual(
      invalid('malformed'),
    );
    expect(await errorOf(mfa.passkeys.register(accountId, reply, 'Laptop', at(null)))).toEqual(
      invalid('malformed'),
    );
  });
});

describe('a passkey', () => {
  test('without user verification is a second factor, but no login', async () => {
    const { accountId, authenticator } = await owner({ userVerified: false });
    const unverified = { userVerified: false };
    expect(await errorOf(show(authenticator, null, unverified))).toEqual(invalid('user_verification'));
    expect(await show(authenticator, accountId, unverified)).toEqual({ accountId, method: 'security_key' });
  });

  test('must verify its user where that is required', async () => {
    const { mfa } = await domain;
    const { accountId, authenticator } = await owner({ userVerified: false });
    const verified = { verified: true };
    const options = await mfa.passkeys.secondFactorOptions(accountId, verified);
    expect(options.userVerification).toBe('required');
    const answer = (userVerified: boolean) =>
      mfa.passkeys.authenticate(
        authenticator.get(options, { userVerified }),
        accountId,
        somewhere(),
        verified,
      );
    expect(await errorOf(answer(false))).toEqual(invalid('user_verification'));
    expect(await answer(true)).toEqual({ accountId, method: 'passkey' });

    const { id } = await person(await domain);
    const creation = await mfa.passkeys.registrationOptions(id, verified);
    expect(creation.authenticatorSelection).toMatchObject({ userVerification: 'required' });
    const reply = new Authenticator(PUBLIC_URL).create(creation, { userVerified: false });
    expect(await errorOf(mfa.passkeys.register(id, reply, 'Key', at(null), verified))).toEqual(
      invalid('user_verification'),
    );
    expect(await mfa.hasSecondFactor(id)).toBe(false);
  });

  test('without a user handle is accepted only if the account is known', async () => {
    const { accountId, authenticator } = await owner();
    expect(await errorOf(show(authenticator, null, { userHandle: null }))).toEqual(invalid('unknown'));
    expect(await show(authenticator, accountId, { userHandle: null })).toMatchObject({ accountId });
  });

  test('cannot be the second factor of another account', async () => {
    const [one, two] = [await owner(), await owner()];
    expect(await errorOf(show(one.authenticator, two.accountId))).toEqual(invalid('unknown'));
    expect(
      await errorOf(
        show(one.authenticator, two.accountId, { userHandle: two.authenticator.credentials[0]!.userHandle }),
      ),
    ).toEqual(invalid('unknown'));
  });

  test('is requested by its id as a second factor, and without ids for a login', async () => {
    const { mfa } = await domain;
    const { accountId, authenticator } = await owner();
    const id = authenticator.credentials[0]!.id.toString('base64url');
    expect(await mfa.passkeys.secondFactorOptions(accountId)).toMatchObject({
      allowCredentials: [{ id }],
      userVerification: 'preferred',
      rpId: 'login.example.com',
    });
    expect(await mfa.passkeys.loginOptions()).toMatchObject({
      allowCredentials: [],
      userVerification: 'required',
    });
  });

  test('is renamed and removed by its owner alone', async () => {
    const { mfa } = await domain;
    const { accountId, id } = await owner();
    const { id: other } = await person(await domain);
    const missing = { code: 'factor_not_found' };
    for (const [account, factor] of [
      [other, id],
      [accountId, 'no uuid'],
    ] as const) {
      expect(await errorOf(mfa.passkeys.rename(account, factor, 'Mine'))).toEqual(missing);
      expect(await errorOf(mfa.passkeys.remove(account, factor, at(null)))).toEqual(missing);
    }
    expect(await mfa.passkeys.rename(accountId, id, 'Key')).toMatchObject({ name: 'Key' });
    await mfa.passkeys.remove(accountId, id, at(null));
    expect(await mfa.status(accountId)).toMatchObject({ passkeys: [], recoveryCodesLeft: 0, methods: [] });
  });

  test('with wrong signatures has to wait, but only from that source', async () => {
    const { mfa } = await domain;
    const { accountId, authenticator } = await owner();
    const actor = somewhere();
    const outcomes: unknown[] = [];
    for (let index = 0; index < 7; index += 1) {
      const reply = authenticator.get(await mfa.passkeys.loginOptions(), { forged: true });
      outcomes.push((await errorOf(mfa.passkeys.authenticate(reply, null, actor)))['code']);
    }
    expect(outcomes).toEqual([
      ...Array.from({ length: 5 }, () => 'invalid_passkey'),
      'account_locked',
      'account_locked',
    ]);
    expect(await show(authenticator)).toMatchObject({ accountId });
  });
});
