/**
 * The team's client: many people who constantly sign in, read and refresh, and report any change in the
 * replies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { personOf } from './team-service.ts';

/** Waits for `holds`, which takes minutes with many accounts. */
async function once(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20);
}

interface Session {
  access: string;
  refresh: string;
  /** The service that issued it. */
  url: string;
}

/**
 * What must be the same from either service: everything but tokens, and of times everything but the digits.
 */
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
  /** The service that issued tokens which the current one does not know: their owners sign in again. */
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

  /** The requests of one visit, different for each person and each round. */
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
    /** Records every reply for every account as it was before. */
    async learn(accounts: number): Promise<void> {
      people = accounts;
      let next = 0;
      const learn = async () => {
        for (let index = next++; index < accounts; index = next++)
          for (const kind of KINDS) await ask(kind, index, front);
      };
      await Promise.all(Array.from({ length: 12 }, learn));
    },
    /** Visits continuously, `concurrency` at a time. */
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
    /** Switches to another service. @returns when the last one has no requests under way. */
    async turnTo(url: string, whoComes: number, unknownThere: string | null = null): Promise<void> {
      const last = front;
      people = whoComes;
      stranger = unknownThere;
      front = url;
      if (last !== url) await once(() => (under.get(last) ?? 0) === 0);
    },
    /** Waits until everybody has visited once more, and some twice. */
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
