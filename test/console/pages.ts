/** Every page of the console: what opens it. Paths are under /admin. */
export const PAGES: readonly string[] = ['', '/shortcuts', '/settings'];
