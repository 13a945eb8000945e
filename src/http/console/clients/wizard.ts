import { oneLine } from '../../../core/text.ts';
import type { NewClient } from '../../../domain/clients.ts';
import type { MessageKey } from '../../pages/i18n.ts';
import type { ConsoleCall } from '../call.ts';
import type { ConsoleProblem } from '../problems.ts';
import type { Room } from '../room.ts';
import { circleControl, type Control, lines, scopeControl, words } from './cards.ts';
import { choicesOf, clientPath } from './client.ts';
import { frameworksOf, isKind, KINDS, USUAL_SCOPES, type WizardKind } from './kinds.ts';
import { sameNewClient } from './same.ts';
import { fillSnippet, snippetOf } from './snippets.ts';

const PATH = '/admin/clients/new';
const OTHER = 'other';
/** Maximum APIs offered to a gateway. */
const MAX_APIS = 100;

/** The answers so far. They are kept in the URL, later in the form; the server stores nothing. */
interface Answers {
  kind: WizardKind;
  framework: string;
  name: string;
  redirectUris: string[];
  postLogoutRedirectUris: string[];
  scopes: string[];
  apis: string[];
  roles: string[];
  firstParty: boolean;
  allowedRoles: string[];
  allowedGroups: string[];
}

const orderOf = (kinds: readonly WizardKind[], call: ConsoleCall) =>
  kinds.filter((kind) => call.may(KINDS[kind].permission));

function showKinds(call: ConsoleCall, only?: WizardKind): void {
  const all = Object.keys(KINDS) as WizardKind[];
  call.show('clients/kinds', {
    path: PATH,
    kinds: orderOf(only ? [only] : all, call).map((kind) => ({
      kind,
      icon: KINDS[kind].icon,
      label: KINDS[kind].label,
      text: KINDS[kind].text,
      frameworks: frameworksOf(kind).map(({ id, name }) => ({ id, name })),
    })),
    only: only ?? null,
  });
}

/** Reads the query of a step, or the form of the last one. */
function answersOf(call: ConsoleCall, kind: WizardKind): Answers {
  const isPosted = call.ctx.method === 'POST';
  const all = (name: string): string[] =>
    isPosted ? call.fields(name) : [call.ctx.query[name] ?? []].flat();
  const one = (name: string): string => (all(name)[0] ?? '').trim();
  const asked = isPosted || call.parameter('step') !== '';
  return {
    kind,
    framework: one('framework'),
    name: one('name'),
    redirectUris: all('redirect_uris').flatMap(lines),
    postLogoutRedirectUris: all('post_logout_redirect_uris').flatMap(lines),
    scopes: all('scope').length > 0 || asked ? all('scope').flatMap(words) : [],
    apis: all('apis').flatMap(words),
    roles: all('roles').flatMap(words),
    firstParty: one('first_party') !== '',
    allowedRoles: all('allowed_roles').flatMap(lines),
    allowedGroups: all('allowed_groups').flatMap(lines),
  };
}

const missing = (field: string, message: MessageKey): ConsoleProblem => ({ field, message });

/** Errors of the second step, before anything is created. */
function problemsOf({ kind, name, redirectUris }: Answers): ConsoleProblem[] {
  return [
    ...(name === '' ? [missing('name', 'console.new.nameMissing')] : []),
    ...(KINDS[kind].comesBack && redirectUris.length === 0
      ? [missing('redirect_uris', 'console.new.addressMissing')]
      : []),
    ...(redirectUris.some((uri) => !URL.canParse(uri))
      ? [missing('redirect_uris', 'console.new.addressWrong')]
      : []),
  ];
}

/** Step 2: the name and the addresses. */
function showNaming(call: ConsoleCall, answers: Answers, isFirst: boolean): void {
  const { kind, framework } = answers;
  const spec = KINDS[kind];
  const snippet = snippetOf(framework);
  const redirect = snippet?.redirectUri ?? spec.redirectUri ?? '';
  const controls: Control[] = [
    {
      name: 'name',
      label: 'console.client.name',
      value: answers.name,
      required: true,
      hint: 'console.new.nameHint',
      attributes: { maxlength: '100' },
    },
    ...(spec.comesBack
      ? ([
          {
            name: 'redirect_uris',
            label: 'console.client.redirect_uris',
            type: 'textarea',
            value: isFirst ? redirect : answers.redirectUris.join('\n'),
            hint: 'console.client.redirect_urisHint',
            rows: 3,
            required: true,
          },
          {
            name: 'post_logout_redirect_uris',
            label: 'console.client.post_logout_redirect_uris',
            type: 'textarea',
            value: isFirst
              ? (snippet?.postLogoutRedirectUri ?? '')
              : answers.postLogoutRedirectUris.join('\n'),
            hint: 'console.client.post_logout_redirect_urisHint',
            rows: 2,
            optional: true,
          },
        ] satisfies Control[])
      : []),
  ];
  call.show('clients/naming', {
    path: PATH,
    kindLabel: spec.label,
    kind,
    framework,
    frameworkName: snippet?.name ?? null,
    controls,
    kept: {
      scope: answers.scopes,
      apis: answers.apis,
      roles: answers.roles,
      allowed_roles: answers.allowedRoles,
      allowed_groups: answers.allowedGroups,
      first_party: answers.firstParty ? 'yes' : [],
    },
  });
}

/** Step 3: what it may ask for and who may use it. */
async function showAsking(call: ConsoleCall, answers: Answers, isFirst: boolean): Promise<void> {
  const { kind } = answers;
  const { services, operator } = call;
  const choices = await choicesOf(call);
  const apis =
    kind === 'gateway' && call.may('apis:read')
      ? (await services.apis.list(operator, { limit: MAX_APIS })).items
      : [];
  const ofApis = scopeControl(answers.scopes, choices);
  const controls: Control[] = [
    ...(KINDS[kind].asksPeople
      ? [
          scopeControl(isFirst && answers.scopes.length === 0 ? USUAL_SCOPES : answers.scopes, choices),
          {
            name: 'first_party',
            label: 'console.client.firstParty',
            type: 'checkbox',
            value: answers.firstParty,
            hint: 'console.client.firstPartyHint',
          } satisfies Control,
          circleControl('allowed_roles', answers.allowedRoles, choices.roles),
          circleControl('allowed_groups', answers.allowedGroups, choices.groups),
        ]
      : []),
    ...(kind === 'service'
      ? [
          {
            ...ofApis,
            options: (ofApis.options ?? []).filter(({ value }) =>
              choices.apiScopes.some(({ scope }) => scope === value),
            ),
            hint: 'console.new.serviceScopes',
          } satisfies Control,
          ...(call.may('roles:write')
            ? [
                {
                  name: 'roles',
                  label: 'console.client.roles',
                  type: 'checks',
                  value: answers.roles,
                  hint: 'console.client.rolesHint',
                  options: choices.roles.map((role) => ({ value: role, label: { text: role } })),
                } satisfies Control,
              ]
            : []),
        ]
      : []),
    ...(kind === 'gateway'
      ? [
          {
            name: 'apis',
            label: 'console.new.gatewayApis',
            type: 'checks',
            value: answers.apis,
            hint: 'console.new.gatewayApisHint',
            options: apis.map(({ identifier, name }) => ({
              value: identifier,
              label: { text: name },
              hint: { text: identifier },
            })),
          } satisfies Control,
        ]
      : []),
  ];
  call.show('clients/asking', {
    path: PATH,
    kindLabel: KINDS[kind].label,
    kind,
    controls: controls.filter(({ type, options }) => type !== 'checks' || (options?.length ?? 0) > 0),
    hidden: {
      kind,
      framework: answers.framework,
      name: answers.name,
      redirect_uris: answers.redirectUris,
      post_logout_redirect_uris: answers.postLogoutRedirectUris,
    },
    name: answers.name,
    same: sameNewClient(newClient(answers)),
  });
}

function newClient({ kind, name, ...answers }: Answers): NewClient {
  const spec = KINDS[kind];
  return {
    name,
    roles: kind === 'service' ? answers.roles : [],
    metadata: {
      ...spec.metadata,
      ...(spec.comesBack ? { redirect_uris: answers.redirectUris } : {}),
      ...(answers.postLogoutRedirectUris.length > 0
        ? { post_logout_redirect_uris: answers.postLogoutRedirectUris }
        : {}),
      ...(answers.scopes.length > 0 ? { scope: answers.scopes.join(' ') } : {}),
      ...(kind === 'gateway' ? { apis: answers.apis } : {}),
      ...(answers.firstParty ? { first_party: true } : {}),
      ...(answers.allowedRoles.length > 0 ? { allowed_roles: answers.allowedRoles } : {}),
      ...(answers.allowedGroups.length > 0 ? { allowed_groups: answers.allowedGroups } : {}),
    },
  };
}

async function showStep(call: ConsoleCall): Promise<void> {
  const kind = call.parameter('kind');
  if (!isKind(kind)) return showKinds(call);
  if (kind === 'mcp') return call.ctx.redirect('/admin/apis/new?kind=mcp');
  const answers = answersOf(call, kind);
  if (answers.framework === '' && frameworksOf(kind).length > 0) return showKinds(call, kind);
  if (call.parameter('step') !== '3') return showNaming(call, answers, call.parameter('step') === '');
  const problems = problemsOf(answers);
  if (problems.length > 0) {
    call.refuse(400, problems);
    return showNaming(call, answers, false);
  }
  return showAsking(call, answers, true);
}

/** Shows the step whose answer was refused. */
async function showRefused(call: ConsoleCall): Promise<void> {
  const kind = call.field('kind');
  if (!isKind(kind)) return showKinds(call);
  const answers = answersOf(call, kind);
  const isNaming = call.problems.some(({ field }) =>
    ['name', 'client_name', 'redirect_uris', 'post_logout_redirect_uris'].includes(field ?? ''),
  );
  if (isNaming || problemsOf(answers).length > 0) return showNaming(call, answers, false);
  return showAsking(call, answers, false);
}

async function create(call: ConsoleCall): Promise<void> {
  const { services, operator } = call;
  const kind = call.field('kind');
  if (!isKind(kind) || kind === 'mcp') return call.failed(PATH, 'console.problem.invalid');
  const answers = answersOf(call, kind);
  const problems = problemsOf(answers);
  if (problems.length > 0) {
    call.refuse(400, problems);
    return showRefused(call);
  }
  const made = await call.once(() => services.clients.create(operator, newClient(answers)));
  if (!made) return call.failed('/admin/clients', 'console.new.twice');
  const { client, secret } = made;
  const snippet = snippetOf(answers.framework === OTHER ? '' : answers.framework);
  const [redirectUri = ''] = answers.redirectUris;
  call.show(
    'clients/created',
    {
      app: client,
      secret,
      name: oneLine(client.name),
      path: clientPath(client.id),
      kind,
      issuer: services.publicUrl,
      snippet: snippet && {
        ...snippet,
        code: fillSnippet(snippet, { issuer: services.publicUrl, clientId: client.id, redirectUri }),
      },
      redirectUri,
      waits: KINDS[kind].asksPeople || kind === 'service',
      refusals: [],
    },
    201,
  );
}

export function wizardRoutes({ page, form }: Room): void {
  const spec = { section: 'clients', permission: 'clients:write', fresh: true } as const;
  page('/clients/new', { section: 'clients', permission: 'clients:write' }, showStep);
  form('/clients/new', spec, showRefused, create);
}
