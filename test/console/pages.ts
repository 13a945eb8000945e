import type { Person, Provider } from '../oidc/support/provider.ts';
import type { Operator } from './support/operators.ts';

/** What the pages are opened in: an owner who is signed in, and somebody to look at. */
export interface World {
  provider: Provider;
  owner: Operator;
  person: Person;
}

/**
 * Every page of the console, by its path after /admin: a text, or a function that makes what the page is about first.
 * The heading is what its h1 has in English, or a part of it.
 */
export const PAGES: readonly {
  path: string | ((world: World) => Promise<string> | string);
  heading: string;
}[] = [
  { path: '', heading: 'Overview' },
  { path: '/search', heading: 'Search' },
  { path: '/search?q=example.test', heading: 'Search' },
  { path: '/settings', heading: 'Settings' },
  { path: '/settings/registration.open', heading: 'registration.open' },
  { path: '/health', heading: 'Health' },
  { path: '/shortcuts', heading: 'Keyboard shortcuts' },
  { path: '/nothing-here', heading: 'Not found' },
];
