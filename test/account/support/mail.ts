import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import PostalMime, { type Email } from 'postal-mime';
import type { Postern } from '../../support/postern.ts';

/** Mail written to files by the server. */
export interface Letters {
  /** Waits for the next unread message to `address`, with the subject if one is given. */
  next(address: string, subject?: string): Promise<Email>;
  /** The same: path and query of its link to `page`. */
  link(address: string, page: string, subject?: string): Promise<string>;
  /** Number of unread messages for `address`. */
  count(address: string): Promise<number>;
}

export function readLetters({ env, url }: Postern): Letters {
  const folder = path.join(env['DATA_DIR'] ?? '', 'mail');
  const taken = new Set<string>();
  const find = async (address: string) => {
    const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.eml')).sort();
    const found: { file: string; email: Email }[] = [];
    for (const file of files) {
      if (taken.has(file)) continue;
      const email = await PostalMime.parse(await readFile(path.join(folder, file)));
      if (email.to?.some((to) => to.address === address)) found.push({ file, email });
    }
    return found;
  };
  const next = async (address: string, subject?: string): Promise<Email> => {
    for (;;) {
      const all = await find(address);
      const first = all.find(({ email }) => subject === undefined || email.subject === subject);
      if (first) {
        taken.add(first.file);
        return first.email;
      }
      await sleep(50);
    }
  };
  return {
    next,
    async link(address, page, subject) {
      const { text = '' } = await next(address, subject);
      const found = [...text.matchAll(/https?:\/\/\S+/g)]
        .map(String)
        .find((link) => link.startsWith(`${url}${page}`));
      if (found === undefined) throw new Error(`no link to ${page} in:\n${text}`);
      return found.slice(url.length);
    },
    count: async (address) => (await find(address)).length,
  };
}
