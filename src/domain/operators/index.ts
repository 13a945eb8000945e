import type { Clock } from '../../core/clock.ts';
import type { Cursors } from '../../core/cursors.ts';
import type { Stores } from '../../storage/stores.ts';
import type { Language } from '../../core/languages.ts';
import type { OutgoingMail } from '../outgoing-mail.ts';
import type { SessionRevoker } from '../session-revoker.ts';
import { createAssignments } from './assignments.ts';
import { createAuditLog } from './audit-log.ts';
import { createGroups } from './groups.ts';
import { createReadList } from './lists.ts';
import { createPeople } from './people.ts';
import { createOperatorMail, type OperatorMailDependencies } from './mail.ts';
import { createNoteRefused } from './refused.ts';
import { createRights } from './rights.ts';
import { createRoles } from './roles.ts';
import { createWebhooks } from './webhooks.ts';
import { createKeepStanding, createOnAccount } from './escalation.ts';

interface Dependencies {
  stores: Pick<
    Stores,
    | 'users'
    | 'userSearch'
    | 'clients'
    | 'apis'
    | 'roles'
    | 'groups'
    | 'audit'
    | 'auditSearch'
    | 'inTransaction'
    | 'asOne'
    | 'webhooks'
    | 'mailOutbox'
    | 'mailTexts'
  >;
  cursors: Cursors;
  sessions: SessionRevoker;
  outgoingMail: Pick<OutgoingMail, 'enqueue'>;
  clock: Clock;
  languages: readonly Language[];
  /** Whether requests may go to a URL that an operator names. */
  mayCall(url: URL): Promise<boolean>;
  /** Renders a message. */
  renderMail: OperatorMailDependencies['render'];
}

/** What operators manage, and which of them may do what. */
export function createOperators({
  stores,
  cursors,
  sessions,
  outgoingMail,
  clock,
  languages,
  mayCall,
  renderMail,
}: Dependencies) {
  const { users, audit, inTransaction } = stores;
  const rights = createRights(stores);
  const readList = createReadList(cursors);
  const keepStanding = createKeepStanding(users, rights);
  const roles = createRoles({
    store: stores.roles,
    apis: stores.apis,
    audit,
    inTransaction,
  });
  const groups = createGroups({
    store: stores.groups,
    users,
    keepStanding,
    roles,
    rights,
    readList,
    audit,
    inTransaction,
    sessions,
  });
  const assignments = createAssignments({
    users,
    roles,
    rights,
    keepStanding,
    sessions,
    audit,
    inTransaction,
  });
  return {
    rights,
    readList,
    keepStanding,
    roles,
    groups,
    assignments,
    people: createPeople({ search: stores.userSearch, users, readList, audit }),
    auditLog: createAuditLog({ search: stores.auditSearch, users, readList, audit }),
    operatorMail: createOperatorMail({
      outbox: stores.mailOutbox,
      texts: stores.mailTexts,
      render: renderMail,
      outgoingMail,
      users,
      languages,
      readList,
      audit,
      inTransaction,
    }),
    webhooks: createWebhooks({
      store: stores.webhooks,
      roles: stores.roles,
      people: stores.userSearch,
      outgoingMail,
      readList,
      audit,
      inTransaction,
      clock,
      mayCall,
    }),
    onAccount: createOnAccount({ users, rights, keepStanding, asOne: stores.asOne }),
    noteRefused: createNoteRefused(audit),
  };
}
