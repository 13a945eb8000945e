import { PasswordHashSecret } from './models/origins.ts';

/** Keys and peppers of imported password hashes, encrypted. */
export interface PasswordHashSecrets {
  /** Keeps them, unless they are kept already. @param id a MAC of them. @param secrets base64 by name. */
  keep(id: string, secrets: Record<string, string>): Promise<void>;
  /** Null when there are none, or when they were encrypted under another key. */
  find(id: string): Promise<Record<string, string> | null>;
}

export const passwordHashSecrets: PasswordHashSecrets = {
  async keep(id, secrets) {
    await PasswordHashSecret.bulkCreate([{ id, secrets }], { ignoreDuplicates: true });
  },
  async find(id) {
    const found = await PasswordHashSecret.findByPk(id);
    try {
      return found?.secrets ?? null;
    } catch {
      // Encrypted under another key: what needs them verifies no password.
      return null;
    }
  },
};
