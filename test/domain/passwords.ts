/** argon2 at its cheapest: these tests are not about its strength. */
export const passwords = {
  minLength: 8,
  maxLength: 128,
  argon2: { memory: 64, time: 1, parallelism: 1 },
  hashing: { concurrency: 2, queue: 1000 },
};
