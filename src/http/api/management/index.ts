import { audit } from './audit.ts';
import { bulk } from './bulk.ts';
import { groups } from './groups.ts';
import { roles } from './roles.ts';
import { users } from './users.ts';

/** What operators manage, in the order of the document. */
export const management = [...users, ...groups, ...roles, ...audit, ...bulk];
