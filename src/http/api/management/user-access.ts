import { RECOVERY_CODES } from '../../../domain/mfa/factor-changes.ts';
import type { MfaStatus } from '../../../domain/mfa/index.ts';
import {
  appOf,
  belongingsOf,
  eventOf,
  identityOf,
  passkeyOf,
  Refusal,
  refusalOf,
  sessionOf,
  totpOf,
} from '../items.ts';
import { managed } from '../operation.ts';
import { pageOf, userOf } from './presenters.ts';
import * as schemas from './schemas.ts';
import { idOf } from './users.ts';

/** Everything, on one page. */
const whole = <T>(items: T[]) => ({ items, next_cursor: null });

const factorsOf = ({ totp, passkeys, recoveryCodesLeft, required }: MfaStatus) => {
  const codes = {
    id: RECOVERY_CODES,
    kind: 'recovery_codes',
    name: null,
    created_at: null,
    last_used_at: null,
    left: recoveryCodesLeft,
  };
  return {
    ...whole([
      ...totp.map((one) => ({ ...totpOf(one), kind: 'totp' })),
      ...passkeys.map((one) => ({ ...passkeyOf(one), kind: 'passkey' })),
      ...(recoveryCodesLeft > 0 ? [codes] : []),
    ]),
    required,
    recovery_codes_left: recoveryCodesLeft,
  };
};

/** What grants access to an account or acts for it. */
export const userAccess = [
  managed({
    id: 'listUserFactors',
    method: 'get',
    path: '/users/{id}/factors',
    params: schemas.userId,
    summary: 'List the authenticator apps, passkeys and recovery codes of an account',
    scope: 'users:read',
    replies: { 200: schemas.Factors },
    refusals: [404],
    handle: async (call) => ({
      status: 200,
      body: factorsOf(await call.services.access.factors(call.operator, idOf(call))),
    }),
  }),
  managed({
    id: 'removeUserFactors',
    method: 'delete',
    path: '/users/{id}/factors',
    params: schemas.userId,
    summary: 'Remove all second factors of an account whose owner has lost them, with its recovery codes',
    scope: 'users:credentials',
    fresh: true,
    replies: { 200: schemas.Removed },
    refusals: [404, 409],
    handle: async (call) => ({
      status: 200,
      body: { removed: await call.services.access.removeFactors(call.operator, idOf(call)) },
    }),
  }),
  managed({
    id: 'removeUserFactor',
    method: 'delete',
    path: '/users/{id}/factors/{fid}',
    params: schemas.factorIds,
    summary: 'Remove a factor of an account; the recovery codes are removed with the last one',
    scope: 'users:credentials',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409],
    async handle(call) {
      await call.services.access.removeFactors(call.operator, idOf(call), call.params['fid'] ?? '');
      return { status: 204 };
    },
  }),
  managed({
    id: 'listUserSessions',
    method: 'get',
    path: '/users/{id}/sessions',
    params: schemas.userId,
    summary: 'List the browsers and devices where an account is signed in, latest sign-in first',
    scope: 'users:read',
    otherScope: 'sessions:read',
    replies: { 200: schemas.Sessions },
    refusals: [404],
    async handle(call) {
      const sessions = await call.services.access.sessions(call.operator, idOf(call));
      return { status: 200, body: whole(sessions.map(sessionOf)) };
    },
  }),
  managed({
    id: 'endUserSessions',
    method: 'delete',
    path: '/users/{id}/sessions',
    params: schemas.userId,
    summary: 'Sign an account out everywhere, and end its grants',
    scope: 'sessions:write',
    replies: { 200: schemas.Ended },
    refusals: [404],
    handle: async (call) => ({
      status: 200,
      body: { ended: await call.services.access.endSessions(call.operator, idOf(call)) },
    }),
  }),
  managed({
    id: 'endUserSession',
    method: 'delete',
    path: '/users/{id}/sessions/{sid}',
    params: schemas.sessionIds,
    summary: 'Sign an account out of one browser or device',
    scope: 'sessions:write',
    replies: { 204: null },
    refusals: [404],
    async handle(call) {
      await call.services.access.endSession(call.operator, idOf(call), call.params['sid'] ?? '');
      return { status: 204 };
    },
  }),
  managed({
    id: 'listUserApps',
    method: 'get',
    path: '/users/{id}/apps',
    params: schemas.userId,
    summary: 'List the apps that may act for an account, what each may do, and since when',
    scope: 'users:read',
    otherScope: 'sessions:read',
    replies: { 200: schemas.Apps },
    refusals: [404],
    async handle(call) {
      const { operator, services } = call;
      const apps = (await services.access.apps(operator, idOf(call))).map(async (app) => {
        const client = await services.describeClient(app.clientId);
        return appOf(app, client);
      });
      return { status: 200, body: whole(await Promise.all(apps)) };
    },
  }),
  managed({
    id: 'disconnectUserApps',
    method: 'delete',
    path: '/users/{id}/apps',
    params: schemas.userId,
    summary: 'Revoke the access of all apps to an account; their tokens end at once',
    scope: 'sessions:write',
    replies: { 200: schemas.Ended },
    refusals: [404],
    handle: async (call) => ({
      status: 200,
      body: { ended: await call.services.access.disconnect(call.operator, idOf(call)) },
    }),
  }),
  managed({
    id: 'disconnectUserApp',
    method: 'delete',
    path: '/users/{id}/apps/{client_id}',
    params: schemas.appIds,
    summary: 'Revoke the access of an app to an account; its tokens end at once',
    scope: 'sessions:write',
    replies: { 204: null },
    refusals: [404],
    async handle(call) {
      await call.services.access.disconnect(call.operator, idOf(call), call.params['client_id'] ?? '');
      return { status: 204 };
    },
  }),
  managed({
    id: 'listUserIdentities',
    method: 'get',
    path: '/users/{id}/identities',
    params: schemas.userId,
    summary: 'List the identities at other providers that are linked to an account',
    scope: 'users:read',
    replies: { 200: schemas.Identities },
    refusals: [404],
    async handle(call) {
      const identities = await call.services.access.identities(call.operator, idOf(call));
      return { status: 200, body: whole(identities.map(identityOf)) };
    },
  }),
  managed({
    id: 'disconnectUserIdentity',
    method: 'delete',
    path: '/users/{id}/identities/{iid}',
    params: schemas.identityIds,
    summary: 'Unlink an identity from an account, unless it is the last way to sign in',
    scope: 'users:credentials',
    fresh: true,
    replies: { 204: null },
    refusals: [404, 409],
    async handle(call) {
      await call.services.access.removeIdentity(call.operator, idOf(call), call.params['iid'] ?? '');
      return { status: 204 };
    },
  }),
  managed({
    id: 'listUserEvents',
    method: 'get',
    path: '/users/{id}/events',
    params: schemas.userId,
    summary: 'List the events of an account, newest first',
    scope: 'users:read',
    query: schemas.Paging,
    replies: { 200: schemas.Events },
    refusals: [404],
    async handle(call) {
      const page = await call.services.access.events(call.operator, idOf(call), call.query);
      return { status: 200, body: pageOf(page, eventOf) };
    },
  }),
  managed({
    id: 'listUserRefusals',
    method: 'get',
    path: '/users/{id}/refusals',
    params: schemas.userId,
    summary: 'List the refused requests of apps for a person in the last 30 days, with reasons and advice',
    scope: 'users:read',
    replies: { 200: schemas.listOf(Refusal) },
    refusals: [404],
    async handle(call) {
      const items = await call.services.refusals.ofAccount(call.operator, idOf(call));
      return { status: 200, body: whole(items.map(refusalOf)) };
    },
  }),
  managed({
    id: 'getUserData',
    method: 'get',
    path: '/users/{id}/data',
    params: schemas.userId,
    summary: 'Export all data of an account, for its owner; recorded in the audit',
    scope: 'users:export',
    replies: { 200: schemas.UserData },
    refusals: [404],
    async handle(call) {
      const data = await call.services.access.data(call.operator, idOf(call));
      return { status: 200, body: { account: userOf(data.account, call.services), ...belongingsOf(data) } };
    },
  }),
  managed({
    id: 'listSessions',
    method: 'get',
    path: '/sessions',
    summary: 'List the signed-in browsers of all accounts, latest first',
    scope: 'sessions:read',
    query: schemas.Paging,
    replies: { 200: schemas.AllSessions },
    async handle({ operator, query, services }) {
      const page = await services.access.allSessions(operator, query);
      return { status: 200, body: pageOf(page, ({ user, ...session }) => ({ ...sessionOf(session), user })) };
    },
  }),
];
