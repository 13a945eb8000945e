import { describe, expect, test } from '@jest/globals';
import argon2 from 'argon2';
import { createPasswordHasher } from '../../src/domain/passwords/hasher.ts';
import { BoundedQueue } from '../../src/domain/passwords/queue.ts';
import { errorOf } from './errors.ts';
import { passwords } from './passwords.ts';

const settings = (over: Partial<typeof passwords> = {}) => ({ ...passwords, ...over });

describe('password hashes', () => {
  const hasher = createPasswordHasher(settings());

  test('are argon2id PHC strings that another implementation verifies, and the other way round', async () => {
    const ours = await hasher.hash('correct horse 🐎 батарея');
    expect(ours).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(await argon2.verify(ours, 'correct horse 🐎 батарея')).toBe(true);
    expect(await argon2.verify(ours, 'correct horse')).toBe(false);

    const theirs = await argon2.hash('пароль', {
      type: argon2.argon2id,
      memoryCost: 128,
      timeCost: 2,
      parallelism: 2,
    });
    expect(await hasher.verify(theirs, 'пароль')).toBe(true);
    expect(await hasher.verify(theirs, 'parol')).toBe(false);
    expect(hasher.needsRehash(theirs)).toBe(true);
    expect(hasher.needsRehash(ours)).toBe(false);
  });

  test('are salted', async () => {
    expect(await hasher.hash('the same')).not.toBe(await hasher.hash('the same'));
  });

  test('match the password in any Unicode normal form', async () => {
    const phc = await hasher.hash('caf\u00e9 \ufb01ne');
    expect(await hasher.verify(phc, 'cafe\u0301 fine')).toBe(true);
  });

  test('with outdated parameters are to be renewed', async () => {
    const phc = await hasher.hash('password');
    for (const argon2 of [
      { memory: 65, time: 1, parallelism: 1 },
      { memory: 64, time: 2, parallelism: 1 },
      { memory: 64, time: 1, parallelism: 2 },
    ]) {
      expect(createPasswordHasher(settings({ argon2 })).needsRehash(phc)).toBe(true);
    }
  });

  test('never verify against the dummy hash', async () => {
    expect(await hasher.verifyDummy('')).toBe(false);
    expect(await hasher.verifyDummy('password')).toBe(false);
  });
});

test('beyond the queue’s limit hashing is refused, and what is queued is done', async () => {
  const hasher = createPasswordHasher(settings({ hashing: { concurrency: 2, queue: 3 } }));
  const tries = Array.from({ length: 20 }, () => errorOf(hasher.hash('password')));
  expect([hasher.running, hasher.waiting]).toEqual([2, 3]);
  const outcomes = await Promise.all(tries);
  expect(outcomes.filter(({ code }) => code === 'none')).toHaveLength(5);
  const refused = outcomes.filter(({ code }) => code === 'overloaded');
  expect(refused).toHaveLength(15);
  for (const { retryAfter } of refused) expect(retryAfter).toBeGreaterThanOrEqual(1);
  expect([hasher.running, hasher.waiting]).toEqual([0, 0]);
  expect(await errorOf(hasher.hash('password'))).toEqual({ code: 'none' });
});

describe('the hashing queue', () => {
  /** Work that ends when told. */
  const held = () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    return { work: () => promise, resolve, reject };
  };

  test('never runs more than its limit, in order of arrival', async () => {
    const queue = new BoundedQueue(2, 100);
    const order: number[] = [];
    let peak = 0;
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        queue.run(async () => {
          peak = Math.max(peak, queue.running);
          order.push(index);
          await new Promise((resolve) => setImmediate(resolve));
        }),
      ),
    );
    expect(peak).toBe(2);
    expect(order).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });

  test('drops the work of a caller that has gone', async () => {
    const queue = new BoundedQueue(1, 1);
    const first = held();
    const running = queue.run(first.work);
    const gone = new AbortController();
    const waiting = queue.run(async () => 'never', gone.signal);
    gone.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    expect(queue.waiting).toBe(0);
    const next = queue.run(async () => 'next');
    first.resolve('first');
    expect(await Promise.all([running, next])).toEqual(['first', 'next']);
    await expect(queue.run(async () => 'never', gone.signal)).rejects.toThrow('gone');
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });

  test('continues after a failure', async () => {
    const queue = new BoundedQueue(1, 1);
    const first = held();
    const failing = queue.run(first.work);
    const next = queue.run(async () => 'next');
    first.reject(new Error('broken'));
    await expect(failing).rejects.toThrow('broken');
    expect(await next).toBe('next');
    expect(queue.running).toBe(0);
  });
});
