import type { UserRecord } from '../../storage/users.ts';
import { emailKeyOf, usernameKeyOf } from '../lookup.ts';
import type { AccountsDependencies } from './dependencies.ts';
import { toUser, type User } from './user.ts';

/** Reads accounts. Invalid ids, addresses and usernames find nothing, and cause no error. */
export interface Finding {
  find(id: string): Promise<User | null>;
  findByNumber(number: number): Promise<User | null>;
  findByEmail(email: string): Promise<User | null>;
  findByUsername(username: string): Promise<User | null>;
  /** By creation, oldest first; `after` is the id of the last one seen. */
  list(options: { limit: number; after?: string }): Promise<User[]>;
}

const shown = (record: UserRecord | null): User | null => record && toUser(record);

export function finding({ users }: AccountsDependencies): Finding {
  return {
    find: async (id) => shown(await users.findById(id)),
    findByNumber: async (number) => shown(await users.findByNumber(number)),
    async findByEmail(email) {
      const key = emailKeyOf(email);
      return key === null ? null : shown(await users.findByEmailKey(key));
    },
    async findByUsername(username) {
      const key = usernameKeyOf(username);
      return key === null ? null : shown(await users.findByUsernameKey(key));
    },
    list: async (options) => (await users.list(options)).map(toUser),
  };
}
