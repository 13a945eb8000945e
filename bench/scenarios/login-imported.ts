import { importedName, importedPassword, type ImportedFamily } from '../imported.ts';
import { expectStatus } from '../client/connection.ts';
import { newStranger } from '../client/stranger.ts';
import type { Scenario } from './scenario.ts';

/** The first login of an account that moved in: its hash is verified, and today's argon2 takes its place. */
export const loginImported =
  (family: ImportedFamily): Scenario =>
  async (target, connection, index) => {
    const stranger = await newStranger(target, connection);
    const message = stranger.form({ identifier: importedName(family, index), password: importedPassword });
    return async () => expectStatus(await connection.post('/sign-in', message), 303, 'login');
  };

/** The same hash verified by a library alone. */
export const verifyImported =
  (family: ImportedFamily): Scenario =>
  async (_target, connection) => {
    const form = new URLSearchParams({ family, password: importedPassword }).toString();
    return async () => expectStatus(await connection.post('/verify', { form }), 204, family);
  };
