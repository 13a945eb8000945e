import type { Context } from 'koa';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';

/** An encrypted cookie. */
export interface SealedCookie<Value> {
  /** @param path the pages that can read it; no others can. */
  set(ctx: Context, path: string, value: Value): void;
  /** Reads the value set for `path`; null when missing, expired or tampered with. */
  read(ctx: Context, path: string): Value | null;
  clear(ctx: Context, path: string): void;
}

interface Settings {
  name: string;
  /** Seconds. */
  ttl: number;
  publicUrl: string;
  secrets: Secrets;
  clock: Clock;
}

type Sealed<Value> = { path: string; value: Value; expiresAt: number };

/** Sealed under SECRETS_KEY (AES-256-GCM), HttpOnly, SameSite=Lax, bound to a path, with an expiry. */
export function createSealedCookie<Value>({
  name: plainName,
  ttl,
  publicUrl,
  secrets,
  clock,
}: Settings): SealedCookie<Value> {
  const secure = publicUrl.startsWith('https:');
  const name = secure ? `__Secure-${plainName}` : plainName;
  const purpose = `cookie:${plainName}`;
  const put = (ctx: Context, path: string, value: string, maxAge: number) => {
    // TLS may end at an untrusted proxy, so go by the public URL.
    ctx.cookies.secure = secure;
    ctx.cookies.set(name, value, { signed: false, httpOnly: true, sameSite: 'lax', secure, path, maxAge });
  };
  return {
    set(ctx, path, value) {
      const sealed: Sealed<Value> = { path, value, expiresAt: clock.now() + ttl * 1000 };
      const text = secrets.seal(purpose, JSON.stringify(sealed)).toString('base64url');
      put(ctx, path, text, ttl * 1000);
    },
    read(ctx, path) {
      const text = ctx.cookies.get(name, { signed: false });
      if (text === undefined) return null;
      try {
        const opened = secrets.open(purpose, Buffer.from(text, 'base64url'));
        const { value, ...rest } = JSON.parse(opened) as Sealed<Value>;
        return rest.path === path && rest.expiresAt > clock.now() ? value : null;
      } catch {
        return null;
      }
    },
    clear: (ctx, path) => put(ctx, path, '', -1),
  };
}
