import { randomUUID } from 'node:crypto';
import { importedName, importedPassword, type ImportedFamily } from '../imported.ts';
import { expectAccepted, expectStatus } from '../client/connection.ts';
import { newStranger } from '../client/stranger.ts';
import type { Scenario } from './scenario.ts';

/** The first login of an imported account: verifies its hash and replaces it by an argon2 one. */
export const loginImported =
  (family: ImportedFamily): Scenario =>
  async (target, connection, index) => {
    const stranger = await newStranger(target, connection);
    const message = stranger.form({ identifier: importedName(family, index), password: importedPassword });
    return async () => expectAccepted(await connection.post('/sign-in', message), 'login');
  };

/** The first login of an account from a legacy source, each time another one. */
export const firstLogin: Scenario = async (target, connection) => {
  const stranger = await newStranger(target, connection);
  return async () => {
    const message = stranger.form({ identifier: `mover-${randomUUID()}`, password: importedPassword });
    expectAccepted(await connection.post('/sign-in', message), 'first login');
  };
};

/** The same login directly at the source. */
export const oldLogin: Scenario = async (_target, connection) => {
  return async () => {
    const form = new URLSearchParams({
      login: `mover-${randomUUID()}`,
      password: importedPassword,
    }).toString();
    expectStatus(await connection.post('/login', { form }), 200, 'old login');
  };
};

/** Verifies the same hash with the library alone. */
export const verifyImported =
  (family: ImportedFamily): Scenario =>
  async (_target, connection) => {
    const form = new URLSearchParams({ family, password: importedPassword }).toString();
    return async () => expectStatus(await connection.post('/verify', { form }), 204, family);
  };
