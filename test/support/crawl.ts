/** Follows every link and sends every form of an area of pages. */
import type Router from '@koa/router';
import type { Page, UserAgent } from '../oidc/support/user-agent.ts';
import { type Control, decodeText, type Form, formsOf, linksOf } from './forms.ts';

/** Requests of one crawl at most. */
const MAX_REQUESTS = 2_000;

/** Links to objects of a kind that are gone, until none of them is followed. */
const MAX_LOST = 5;

/** Forms that end something are sent after all others, in this order. */
const ENDINGS = [/\/(?:remove|revoke|retire|end|disable|close|undo)$/, /\/delete$/];

export interface Crawl {
  agent: UserAgent;
  /** The prefix of the area. */
  within: string;
  /** Tells which addresses are of one route. */
  router: Router;
  /** What to type, by the name of a control. Texts without a word stay empty unless they are required. */
  words: Record<string, string | (() => string)>;
  /** Values that are never ticked or chosen. */
  spared: readonly string[];
  /** Forms that are not sent, by a part of their action. */
  left: RegExp;
}

/** The route that answers a request, as `POST /admin/users/:id`. */
export function routeOf(router: Router, method: string, path: string): string | undefined {
  const found = router.match(path, method).pathAndMethod.filter((layer) => layer.methods.includes(method));
  // The most specific route is declared last.
  const last = found.at(-1);
  return last && `${method} ${String(last.path)}`;
}

/** A form that a page has, and one of its buttons. */
interface Found {
  page: URL;
  form: Form;
  button: [string, string] | null;
}

const buttonsOf = ({ controls }: Form): Found['button'][] => {
  const named = controls.filter(({ type }) => type === 'submit');
  return named.length === 0
    ? [null]
    : named.map(({ name, options }): [string, string] => [name, options[0] ?? '']);
};

/**
 * Opens each page once by its route and the names of its query parameters, and with each choice of each filter. Sends each form
 * once by its route and button.
 */
export async function crawl({ agent, within, router, words, spared, left }: Crawl, starts: string[]) {
  const pages: string[] = [...starts];
  const seen = new Set<string>();
  /** How often a page was not there. */
  const lost = new Map<string, number>();
  /** Addresses with one choice of a filter. */
  const choices = new Set<string>();
  const forms = new Map<string, Found>();
  let requests = 0;
  const count = () => {
    requests += 1;
    if (requests > MAX_REQUESTS) throw new Error(`more than ${MAX_REQUESTS} requests`);
  };

  const wordFor = ({ name, type }: Control): string => {
    const word = words[name] ?? words[type] ?? 'ada';
    return typeof word === 'string' ? word : word();
  };

  /** The fields of a form: what it shows, a choice where there is none, and a word where one is required. */
  function filled(form: Form, html: string): URLSearchParams {
    const fields = new URLSearchParams();
    const [, typed] = /for="typed_name">Type (.*?) to confirm</s.exec(html) ?? [];
    for (const control of form.controls) {
      const { name, type, value, options, isRequired } = control;
      const choice = options.find((option) => option !== '' && !spared.includes(option));
      if (type === 'submit' || type === 'file') continue;
      if (type === 'hidden') fields.append(name, value ?? '');
      else if (type === 'checkbox' || type === 'radio') {
        const alike = form.controls.filter((other) => other.name === name && other.type === type);
        if (value !== null) fields.append(name, value);
        else if (alike.every((other) => other.value === null) && !fields.has(name) && choice !== undefined)
          fields.append(name, choice);
      } else if (type === 'select') fields.append(name, (value === '' ? choice : value) ?? '');
      else if (name === 'typed_name') fields.append(name, decodeText(typed ?? ''));
      else if (name in words) fields.append(name, wordFor(control));
      else fields.append(name, value === '' && isRequired ? wordFor(control) : (value ?? ''));
    }
    return fields;
  }

  const isInside = ({ origin, pathname }: URL, from: URL) =>
    origin === from.origin && (pathname === within || pathname.startsWith(`${within}/`));

  /** Notes the links and forms of a page. */
  function scan({ url, html }: Page): void {
    for (const link of linksOf(html)) {
      const target = new URL(link, url);
      if (isInside(target, url)) pages.push(target.href);
    }
    for (const form of formsOf(html)) {
      const target = new URL(form.action, url);
      if (!isInside(target, url)) continue;
      if (form.method === 'GET')
        for (const control of form.controls) {
          const values = control.type === 'select' ? control.options : [wordFor(control)];
          for (const value of values) {
            const choice = `${target.pathname}?${new URLSearchParams({ [control.name]: value }).toString()}`;
            choices.add(choice);
            pages.push(choice);
          }
        }
      else
        for (const button of buttonsOf(form)) {
          const key = `${routeOf(router, 'POST', target.pathname) ?? ''} ${button?.join('=') ?? ''}`;
          if (!forms.has(key) && !left.test(target.pathname)) forms.set(key, { page: url, form, button });
        }
    }
  }

  async function openAll(origin: URL): Promise<void> {
    for (let next = pages.shift(); next !== undefined; next = pages.shift()) {
      const url = new URL(next, origin);
      const isChoice = choices.has(next);
      const query = [...url.searchParams].map(([name, value]) => (isChoice ? `${name}=${value}` : name));
      const key = `${routeOf(router, 'GET', url.pathname) ?? ''} ${query.toSorted().join('&')}`;
      if (seen.has(key)) continue;
      count();
      const page = await agent.open(url);
      // Another link may lead to an object that still exists.
      if (page.status === 404) lost.set(key, (lost.get(key) ?? 0) + 1);
      if (page.status !== 404 || lost.get(key) === MAX_LOST) seen.add(key);
      scan(page);
    }
  }

  const origin = (await agent.open(starts[0] ?? within)).url;
  const sent = new Set<string>();
  const rankOf = (key: string) => ENDINGS.findIndex((ending) => ending.test(key.split(' ')[1] ?? ''));
  await openAll(origin);
  for (;;) {
    const [next] = [...forms.keys()]
      .filter((key) => !sent.has(key))
      .toSorted((a, b) => rankOf(a) - rankOf(b));
    const found = next === undefined ? undefined : forms.get(next);
    if (next === undefined || !found) return;
    sent.add(next);
    count();
    // It may have changed since: open it again.
    const page = await agent.open(found.page);
    const form =
      formsOf(page.html).find(({ method, action }) => method === 'POST' && action === found.form.action) ??
      found.form;
    const fields = filled(form, page.html);
    if (found.button) fields.append(...found.button);
    const answered = await agent.post(new URL(form.action, found.page), fields);
    scan(answered);
    await openAll(origin);
  }
}
