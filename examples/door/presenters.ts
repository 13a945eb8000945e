import type { User } from 'postern/door';
export const presentReader = ({ number, email, createdAt }: User) => ({
  number,
  email,
  since: createdAt.toISOString().slice(0, 10),
});
