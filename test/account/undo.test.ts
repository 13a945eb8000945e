/** What somebody does to an account with only a token or a session, and how its owner undoes it. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { generateSync } from 'otplib';
import { newPerson } from '../../src/http/contracts/conformance.ts';
import { systemActor } from '../../src/core/actor.ts';
import { sha256 } from '../../src/core/ids.ts';
import { connect } from '../api/support/client.ts';
import { type ContractServer, startContractServer } from '../contracts/support/server.ts';
import { flows, type Member } from '../contracts/support/members.ts';
import { atOnce } from '../oidc/support/flow.ts';
import { type Page, UserAgent } from '../oidc/support/user-agent.ts';
import { type Letters, readLetters } from './support/mail.ts';

const NEXT = 'an entirely new password';
const CHANGED = 'Your email address has changed';
const DELETED = 'Your account was deleted';

let server: ContractServer;
let letters: Letters;
beforeAll(async () => {
  server = await startContractServer({ contracts: { freshSignIn: 300 } });
  letters = readLetters(server.postern);
});

const heading = ({ html }: Page) => /<h1>(.*?)<\/h1>/s.exec(html)?.[1];
const find = (email: string) => server.operator.accounts.findByEmail(email);
const isIn = async (agent: UserAgent) => (await agent.open('/account')).url.pathname === '/account';
const elsewhere = () => newPerson().email;

async function enter(email: string, password: string): Promise<UserAgent> {
  const agent = new UserAgent(server.url);
  await agent.submit(await agent.open('/account'), { identifier: email, password }, '/sign-in');
  return agent;
}

async function open(link: string, values: Record<string, string>): Promise<Page> {
  const agent = new UserAgent(server.url);
  return agent.submit(await agent.open(link), values);
}

const askForReset = async (identifier: string) => {
  const agent = new UserAgent(server.url);
  await agent.submit(await agent.open('/forgot-password'), { identifier });
};

/** Somebody whose token was stolen. @param isProven whether the account's owner is proven. */
async function victim(door: 'ppl' | 'flask', isProven: boolean): Promise<Member & { id: string }> {
  const member = await flows[door].join(server.visitor(door));
  const { id } = (await find(member.email))!;
  if (isProven) await server.operator.accounts.update(id, { emailVerified: true }, systemActor);
  return { ...member, id };
}

const move = ({ token: bearer }: Member, email: string, status = 200) =>
  server.visitor('ppl').call('updateMe', { bearer, body: { email } }, { status });
const rewrite = ({ token: bearer, params }: Member, body: object) =>
  server.visitor('flask').call('updateUser', { bearer, params, body }, { status: 200 });

const undoLink = (email: string, subject = CHANGED) => letters.link(email, '/undo', subject);
const verifyLink = (email: string) => letters.link(email, '/verify-email', 'Confirm your email address');

describe.each([true, false])(
  'an address changed with a token alone, on an account whose owner was proven before: %s,',
  (isProven) => {
    test('is undone once from the old address, which signs the thief out', async () => {
      const owner = await victim('ppl', isProven);
      const theirs = elsewhere();
      await move(owner, theirs);
      const [link, proof] = [await undoLink(owner.email), await verifyLink(theirs)];
      expect((await new UserAgent(server.url).open(link)).html).toContain(owner.email);
      const outcomes = await atOnce(5, async () => (await open(link, { password: NEXT })).status);
      expect(outcomes.toSorted((a, b) => a - b)).toEqual([200, 400, 400, 400, 400]);
      expect(await find(owner.email)).toMatchObject({ id: owner.id, movedFrom: null });
      expect(await find(theirs)).toBeNull();
      await flows.ppl.use?.(server.visitor('ppl'), owner.token, 401);
      await flows.ppl.refresh?.(server.visitor('ppl'), owner.refreshToken, 401);
      expect(await isIn(await enter(owner.email, owner.password))).toBe(false);
      expect(await isIn(await enter(owner.email, NEXT))).toBe(true);
      for (const dead of [link, proof])
        expect([dead, (await new UserAgent(server.url).open(dead)).status]).toEqual([dead, 400]);
    });

    test('does not work for a password reset until it is confirmed, and the old one does', async () => {
      const owner = await victim('ppl', isProven);
      const theirs = elsewhere();
      await move(owner, theirs);
      await undoLink(owner.email);
      for (const named of [theirs, owner.email]) {
        await askForReset(named);
        await letters.link(owner.email, '/reset-password', 'Reset your password');
      }
      await verifyLink(theirs);
      expect(await letters.count(theirs)).toBe(0);
      await askForReset(owner.email);
      await open(await letters.link(owner.email, '/reset-password', 'Reset your password'), {
        password: NEXT,
      });
      expect(await find(owner.email)).toMatchObject({ id: owner.id });
      expect(await isIn(await enter(owner.email, NEXT))).toBe(true);
    });

    test('leaves the old one in force if it is changed again before it is confirmed', async () => {
      const owner = await victim('ppl', isProven);
      const theirs = elsewhere();
      await move(owner, elsewhere());
      await move(owner, theirs);
      await askForReset(theirs);
      await open(await letters.link(owner.email, '/reset-password', 'Reset your password'), {
        password: NEXT,
      });
      expect(await find(owner.email)).toMatchObject({ id: owner.id, movedFrom: null });
    });

    test('changes nothing if it is changed back', async () => {
      const owner = await victim('ppl', isProven);
      const { emailVerifiedAt, ownerProvenAt } = (await find(owner.email))!;
      await move(owner, elsewhere());
      await move(owner, owner.email);
      const after = await find(owner.email);
      expect(after).toMatchObject({ id: owner.id, movedFrom: null, emailVerifiedAt, ownerProvenAt });
    });

    test('works once it is confirmed, and can still be undone', async () => {
      const owner = await victim('ppl', isProven);
      const theirs = elsewhere();
      await move(owner, theirs);
      const link = await undoLink(owner.email);
      await open(await verifyLink(theirs), { password: owner.password });
      await askForReset(owner.email);
      await askForReset(theirs);
      await open(await letters.link(theirs, '/reset-password', 'Reset your password'), {
        password: 'the one of the thief',
      });
      // Only the message from the registration: no reset link goes to the old address.
      expect(await letters.count(owner.email)).toBe(1);
      expect(heading(await open(link, { password: NEXT }))).toBe('Your account is yours again');
      expect(await find(owner.email)).toMatchObject({ id: owner.id });
      expect(await isIn(await enter(owner.email, NEXT))).toBe(true);
    });

    test('leaves the old one reserved', async () => {
      const owner = await victim('ppl', isProven);
      await move(owner, elsewhere());
      const link = await undoLink(owner.email);
      const person = { ...newPerson(), email: owner.email };
      await server.visitor('gateway').call('register', { body: person }, { status: 409 });
      await open(link, { password: NEXT });
      expect(await find(owner.email)).toMatchObject({ id: owner.id });
    });

    test('is removed if the reader of the new mailbox disowns it', async () => {
      const owner = await victim('ppl', isProven);
      const other = elsewhere();
      await move(owner, other);
      const page = await open(await verifyLink(other), { disown: 'yes' });
      expect(heading(page)).toBe('Your address is no longer used');
      expect(await find(owner.email)).toMatchObject({ id: owner.id, movedFrom: null });
      await server
        .visitor('gateway')
        .call('register', { body: { ...newPerson(), email: other } }, { status: 201 });
    });
  },
);

test('undoing a change of password and address removes what was added later too', async () => {
  const owner = await victim('flask', true);
  const { mfa } = server.operator;
  const mine = await mfa.totp.begin(owner.id, 'Mine');
  await mfa.totp.confirm(owner.id, mine.id, generateSync(mine), systemActor);
  await server.sql(`update totp_authenticators set created_at = now() - interval '2 days' where id = $1`, [
    mine.id,
  ]);
  const theirs = elsewhere();
  await rewrite(owner, { email: theirs, password: 'the one of the thief' });
  const link = await undoLink(owner.email);
  await letters.link(owner.email, '/undo', 'Your password has changed');
  await open(await verifyLink(theirs), { password: 'the one of the thief' });
  const added = await mfa.totp.begin(owner.id, 'Theirs');
  await mfa.totp.confirm(owner.id, added.id, generateSync(added), systemActor);
  await open(link, { password: NEXT });
  expect((await mfa.status(owner.id)).totp.map(({ name }) => name)).toEqual(['Mine']);
  expect(await find(owner.email)).toMatchObject({ id: owner.id });
});

test('the first undo link undoes a chain of changes, and later links then do nothing', async () => {
  const owner = await victim('flask', true);
  const [second, third] = [elsewhere(), elsewhere()];
  const password = 'the one of the thief';
  await rewrite(owner, { email: second, password });
  const first = await undoLink(owner.email);
  await open(await verifyLink(second), { password });
  const login = await flows.flask.login(server.visitor('flask'), { ...owner, email: second, password }, 200);
  await rewrite({ ...owner, token: login.text('token') }, { email: third });
  const later = await undoLink(second);
  const again = await new UserAgent(server.url).open(later);
  expect(again.status).toBe(200);
  await open(first, { password: NEXT });
  expect((await new UserAgent(server.url).open(later)).status).toBe(400);
  expect(await find(owner.email)).toMatchObject({ id: owner.id });
  expect(await find(third)).toBeNull();
});

describe('a deleted account', () => {
  const restored = async (owner: { id: string; email: string }, link: string) => {
    expect(await find(owner.email)).toBeNull();
    const page = await open(link, { password: NEXT });
    expect(heading(page)).toBe('Your account is yours again');
    expect(await find(owner.email)).toMatchObject({ id: owner.id, status: 'active' });
    expect(await isIn(await enter(owner.email, NEXT))).toBe(true);
  };

  test.each(['ppl', 'flask'] as const)(
    'is deleted by its token at %s as documented, and can be restored',
    async (door) => {
      const owner = await victim(door, false);
      const before = (await find(owner.email))!;
      await flows[door].remove?.(server.visitor(door), owner);
      await flows[door].use?.(server.visitor(door), owner.token, 401);
      await flows[door].login(server.visitor(door), owner, 401);
      const { username, email, password } = owner;
      // Its names are free at once, and whoever registers them has proven nothing.
      await server
        .visitor('gateway')
        .call('register', { body: { username, email, password } }, { status: 201 });
      const link = await undoLink(email, DELETED);
      expect((await find(email))?.id).not.toBe(owner.id);
      await open(link, { password: NEXT });
      expect(await find(email)).toMatchObject({ id: owner.id, status: 'active', username: before.username });
      expect(await isIn(await enter(email, NEXT))).toBe(true);
    },
  );

  test('is restored without a username that somebody else has taken', async () => {
    const owner = await victim('flask', false);
    await flows.flask.remove?.(server.visitor('flask'), owner);
    const link = await undoLink(owner.email, DELETED);
    const { username } = owner;
    const other = await server.operator.accounts.create({ email: elsewhere(), username }, systemActor);
    await open(link, { password: NEXT });
    expect(await find(owner.email)).toMatchObject({ id: owner.id, status: 'active', username: null });
    expect(await find(other.email)).toMatchObject({ id: other.id, username });
  });

  test('is not restored once somebody else has verified its address', async () => {
    const owner = await victim('ppl', false);
    await flows.ppl.remove?.(server.visitor('ppl'), owner);
    const link = await undoLink(owner.email, DELETED);
    const { id } = await server.operator.accounts.create(
      { email: owner.email, emailVerified: true },
      systemActor,
    );
    const refused = await open(link, { password: NEXT });
    expect([refused.status, refused.html.includes('Somebody else now has an account')]).toEqual([409, true]);
    expect((await find(owner.email))?.id).toBe(id);
  });

  test('can be restored if it was deleted on the pages or through the API', async () => {
    const person = await server.createPerson();
    const agent = await enter(person.email, person.password);
    await agent.submit(await agent.open('/account/delete'), { email: person.email }, '/account/delete');
    expect(await isIn(agent)).toBe(false);
    await restored(person, await undoLink(person.email, DELETED));
    const app = await connect(server, { ...person, password: NEXT }, 'me:delete');
    expect((await app.call('DELETE', '/me')).status).toBe(204);
    await restored(person, await undoLink(person.email, DELETED));
  });

  test('is restored to its owner’s address after a change of address', async () => {
    const owner = await victim('ppl', true);
    const theirs = elsewhere();
    await move(owner, theirs);
    await undoLink(owner.email);
    await open(await verifyLink(theirs), { password: owner.password });
    await flows.ppl.remove?.(server.visitor('ppl'), owner);
    await letters.next(theirs, DELETED);
    await restored(owner, await undoLink(owner.email, DELETED));
  });

  test('is gone for good if an operator deleted it, and the owner is notified', async () => {
    const person = await server.createPerson();
    await server.operator.accounts.remove(person.id, { ...systemActor, kind: 'operator', id: 'root' });
    const { text = '' } = await letters.next(person.email, DELETED);
    expect(text).not.toContain('/undo');
    expect(await server.sql('select from users where id = $1', [person.id])).toEqual([]);
  });
});

describe('an account that nobody restores', () => {
  const age = (id: string, by: string) =>
    server.sql(`update users set deleted_at = deleted_at - $2::interval where id = $1`, [id, by]);

  test('is purged after seven days, and its audit events identify nobody', async () => {
    const person = await server.createPerson();
    const { mfa, accounts } = server.operator;
    const agent = await enter(person.email, person.password);
    const own = {
      ...systemActor,
      kind: 'user',
      id: person.id,
      ip: '192.0.2.1',
      userAgent: 'Ada’s own',
    } as const;
    const factor = await mfa.totp.begin(person.id, 'Ada’s phone');
    await mfa.totp.confirm(person.id, factor.id, generateSync(factor), own);
    const operator = { ...systemActor, kind: 'operator', id: 'root', ip: '192.0.2.9' } as const;
    await accounts.update(person.id, { name: 'Augusta' }, operator);
    const another = await server.createPerson();
    await accounts.update(another.id, { name: 'Somebody' }, own);
    await agent.submit(await agent.open('/account/delete'), { email: person.email }, '/account/delete');
    const link = await undoLink(person.email, DELETED);
    const events = await server.sql('select id from audit_events where subject = $1 or actor_id = $1::text', [
      person.id,
    ]);

    await age(person.id, '6 days 23 hours');
    await server.operator.sweep();
    expect((await new UserAgent(server.url).open(link)).status).toBe(200);
    await age(person.id, '1 hour');
    await Promise.all([server.operator.sweep(), server.operator.sweep()]);
    expect(await server.sql('select from users where id = $1', [person.id])).toEqual([]);
    expect((await new UserAgent(server.url).open(link)).status).toBe(400);

    const kept = await server.sql('select * from audit_events where id = any ($1)', [
      events.map(({ id }) => id),
    ]);
    expect(kept).toHaveLength(events.length);
    const about = kept.filter(({ subject }) => subject !== another.id);
    expect(new Set(about.map(({ subject }) => subject)).size).toBe(1);
    const [{ subject: pseudonym }] = about as [{ subject: string }];
    const purged = await server.sql('select type from audit_events where subject = $1', [pseudonym]);
    expect(purged.filter(({ type }) => type === 'user.purged')).toHaveLength(1);
    expect(kept.find(({ subject }) => subject === another.id)).toMatchObject({ actor_id: pseudonym });
    const text = JSON.stringify(kept);
    for (const trace of [person.id, person.email, person.username, '127.0.0.1', '192.0.2.1', 'Augusta'])
      expect([trace, text.includes(trace)]).toEqual([trace, false]);
    expect(new Set(kept.map(({ ip }) => ip))).toEqual(new Set([null, '192.0.2.9']));
    expect(about.find(({ type }) => type === 'login')).toMatchObject({ details: { amr: ['pwd'] } });
  });
});

test('contracts.freshSignIn keeps an old login from taking over the account, however fresh its token', async () => {
  const owner = await victim('ppl', false);
  await server.sql(
    `update oidc_records set payload = jsonb_set(payload::jsonb, '{authTime}', to_jsonb((payload->>'authTime')::int - 900))::json
     where model = 'RefreshToken' and id = $1`,
    [sha256(owner.refreshToken)],
  );
  const refreshed = await flows.ppl.refresh!(server.visitor('ppl'), owner.refreshToken, 200);
  const stale = { ...owner, token: refreshed.text('access_token') };
  await move(stale, elsewhere(), 401);
  await server.visitor('ppl').call('deleteMe', { bearer: stale.token }, { status: 401 });
  const body = { name: 'Ada' };
  await server.visitor('ppl').call('updateMe', { bearer: stale.token, body }, { status: 200, body });
  await move(owner, elsewhere());
});
