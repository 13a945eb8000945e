import { randomUUID } from 'node:crypto';
import { importedName, importedPassword, type ImportedFamily } from '../imported.ts';
import { expectAccepted, expectStatus } from '../client/connection.ts';
import { newStranger } from '../client/stranger.ts';
import type { Scenario } from './scenario.ts';

/** The first login of an account that moved in: its hash is verified, and today's argon2 takes its place. */
export const loginImported =
  (family: ImportedFamily): Scenario =>
  async (target, connection, index) => {
    const stranger = await newStranger(target, connection);
    const message = stranger.form({ identifier: importedName(family, index), password: importedPassword });
    return async () => expectAccepted(await connection.post('/sign-in', message), 'login');
  };

/** The first login of somebody who comes from a legacy source: another one each time. */
export const firstLogin: Scenario = async (target, connection) => {
  const stranger = await newStranger(target, connection);
  return async () => {
    const message = stranger.form({ identifier: `mover-${randomUUID()}`, password: importedPassword });
    expectAccepted(await connection.post('/sign-in', message), 'first login');
  };
};

/** The same login at the source alone. */
export const oldLogin: Scenario = async (_target, connection) => {
  return async () => {
    const form = new URLSearchParams({
      login: `mover-${randomUUID()}`,
      password: importedPassword,
    }).toString();
    expectStatus(await connection.post('/login', { form }), 200, 'old login');
  };
};

/** The same hash verified by a library alone. */
export const verifyImported =
  (family: ImportedFamily): Scenario =>
  async (_target, connection) => {
    const form = new URLSearchParams({ family, password: importedPassword }).toString();
    return async () => expectStatus(await connection.post('/verify', { form }), 204, family);
  };
