import { apis } from './apis.ts';
import { audit } from './audit.ts';
import { attributes, overview, settings, setup } from './settings.ts';
import { branding } from './branding.ts';
import { bulk } from './bulk.ts';
import { clients } from './clients.ts';
import { contracts } from './contracts.ts';
import { groups } from './groups.ts';
import { apiKeys, registrationTokens } from './machine-tokens.ts';
import { keys } from './keys.ts';
import { mail } from './mail.ts';
import { migration } from './migration.ts';
import { roles } from './roles.ts';
import { scimTokens } from './scim-tokens.ts';
import { upstreams } from './upstreams.ts';
import { userAccess } from './user-access.ts';
import { userActs } from './user-acts.ts';
import { users } from './users.ts';
import { webhooks } from './webhooks.ts';

/** All operations of operators, in the document's order. */
export const management = [
  ...users,
  ...userActs,
  ...userAccess,
  ...groups,
  ...roles,
  ...clients,
  ...apis,
  ...attributes,
  ...audit,
  ...upstreams,
  ...apiKeys,
  ...registrationTokens,
  ...keys,
  ...contracts,
  ...migration,
  ...scimTokens,
  ...webhooks,
  ...settings,
  ...branding,
  ...overview,
  ...setup,
  ...mail,
  ...bulk,
];
