import type { User } from '../../../src/domain/users/index.ts';

export const presentReader = ({ number, email, createdAt }: User) => ({
  number,
  email,
  since: createdAt.toISOString().slice(0, 10),
});
