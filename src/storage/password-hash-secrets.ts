import { PasswordHashSecret } from './models/password-hash-secret.ts';

/** Keys and peppers of imported password hashes, encrypted. */
export interface PasswordHashSecrets {
  /** Keeps them, unless they are kept already. @param id a MAC of them. @param secrets base64 by name. */
  keep(id: string, secrets: Record<string, string>): Promise<void>;
  find(id: string): Promise<Record<string, string> | null>;
}

export const passwordHashSecrets: PasswordHashSecrets = {
  async keep(id, secrets) {
    await PasswordHashSecret.bulkCreate([{ id, secrets }], { ignoreDuplicates: true });
  },
  find: async (id) => (await PasswordHashSecret.findByPk(id))?.secrets ?? null,
};
