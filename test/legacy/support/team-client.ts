/** The team's own client: many people who sign in, read and refresh without a pause, and notice whatever changes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { personOf } from './team-service.ts';

/** Waits until `holds` does: with many accounts that takes minutes. */
async function once(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20);
}

interface Session {
  access: string;
  refresh: string;
  /** Where it is from. */
  url: string;
}

/** What must be the same wherever it comes from: everything but tokens, and of times all but their digits. */
function seen(status: number, headers: Headers, text: string): string {
  const body: unknown = JSON.parse(text, (name, value: unknown) => {
    if (/token$/i.test(name) && typeof value === 'string') return '<token>';
    const isFleeting = /^(?:timestamp|expiresAt|lastLoginAt|expirationTime)$/.test(name);
    return isFleeting && value !== null
      ? `<${typeof value} ${JSON.stringify(value).replaceAll(/\d/g, '0')}>`
      : value;
  });
  const isCompact = JSON.stringify(JSON.parse(text)) === text;
  const challenge = headers.get('www-authenticate')?.split(' ')[0];
  const marks = [headers.get('content-type'), challenge, headers.getSetCookie().length, isCompact];
  return JSON.stringify([status, ...marks, body]);
}

const KINDS = ['login', 'wrong password', 'profile', 'validate', 'refresh'] as const;
type Kind = (typeof KINDS)[number];

const OK: Record<Kind, number> = {
  'login': 200,
  'wrong password': 401,
  'profile': 200,
  'validate': 200,
  'refresh': 200,
};

export function createTeamClient(first: string) {
  let front = first;
  /** Whose tokens the service in front has never heard of: people who have them sign in again. */
  let stranger: string | null = null;
  let people = 0;
  const stopped = new AbortController();
  let visits = 0;
  const sessions = new Map<number, Session>();
  const before = new Map<string, string>();
  const under = new Map<string, number>();
  const failed: string[] = [];
  const changed: string[] = [];
  const counts = new Map<string, number>();

  async function ask(kind: Kind, index: number, url: string): Promise<void> {
    const { login, password } = personOf(index);
    const session = sessions.get(index);
    const send = (method: string, path: string, body?: object) =>
      fetch(`${url}/api/v1/auth${path}`, {
        method,
        headers: body
          ? { 'Content-Type': 'application/json' }
          : { Authorization: `Bearer ${session?.access}` },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
    const requests: Record<Kind, () => Promise<Response>> = {
      'login': () => send('POST', '/login', { username: login, password }),
      'wrong password': () => send('POST', '/login', { username: login, password: 'no such thing' }),
      'profile': () => send('GET', '/profile'),
      'validate': () => send('POST', '/validate', { token: session?.access }),
      'refresh': () => send('POST', '/refresh', { refreshToken: session?.refresh }),
    };
    const name = `${kind} of ${login}`;
    try {
      const reply = await requests[kind]();
      const text = await reply.text();
      const now = seen(reply.status, reply.headers, text);
      counts.set(`${kind} at ${url}`, (counts.get(`${kind} at ${url}`) ?? 0) + 1);
      if (reply.status !== OK[kind]) failed.push(`${name} at ${url}: ${now}`);
      else if (!before.has(name)) before.set(name, now);
      else if (before.get(name) !== now) changed.push(`${name} at ${url}: ${before.get(name)} is ${now}`);
      if (reply.ok && (kind === 'login' || kind === 'refresh')) {
        const { accessToken: access, refreshToken: refresh } = JSON.parse(text) as Record<string, string>;
        sessions.set(index, { access: access!, refresh: refresh!, url });
      }
    } catch (error) {
      failed.push(`${name} at ${url}: ${String((error as Error).cause ?? error)}`);
    }
  }

  /** What somebody does on a visit; each time something else, and not what the neighbour does. */
  async function visit(index: number, round: number): Promise<void> {
    const url = front;
    under.set(url, (under.get(url) ?? 0) + 1);
    if (stranger !== null && sessions.get(index)?.url === stranger) sessions.delete(index);
    if (!sessions.has(index)) await ask('login', index, url);
    const kind = KINDS[(index + round) % KINDS.length]!;
    await ask(kind, index, url);
    if (kind === 'refresh') await ask('profile', index, url);
    visits += 1;
    under.set(url, under.get(url)! - 1);
  }

  const workers: Promise<void>[] = [];
  return {
    failed,
    changed,
    counts,
    /** Everything of everybody once, as it was before. */
    async learn(accounts: number): Promise<void> {
      people = accounts;
      let next = 0;
      const learn = async () => {
        for (let index = next++; index < accounts; index = next++)
          for (const kind of KINDS) await ask(kind, index, front);
      };
      await Promise.all(Array.from({ length: 12 }, learn));
    },
    /** Visits without a pause, by so many at a time. */
    start(concurrency: number): void {
      let next = 0;
      const work = async () => {
        while (!stopped.signal.aborted) {
          const turn = next++;
          await visit(turn % people, Math.floor(turn / people));
        }
      };
      for (let at = 0; at < concurrency; at += 1) workers.push(work());
    },
    /** Turns to another service. @returns when nothing is under way at the last one. */
    async turnTo(url: string, whoComes: number, unknownThere: string | null = null): Promise<void> {
      const last = front;
      people = whoComes;
      stranger = unknownThere;
      front = url;
      if (last !== url) await once(() => (under.get(last) ?? 0) === 0);
    },
    /** Waits until everybody has come once more, and somewhat more. */
    async everybodyOnce(): Promise<void> {
      const end = visits + people + 20;
      await once(() => visits >= end);
    },
    async stop(): Promise<void> {
      stopped.abort();
      await Promise.all(workers);
    },
  };
}
