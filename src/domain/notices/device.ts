import Bowser from 'bowser';
import type { Actor } from '../../core/actor.ts';
import { sha256 } from '../../core/ids.ts';
import { sourceOf } from '../source.ts';

/** What somebody uses, by names that we know: what a client says of itself may be anything. */
export interface Device {
  browser: string | null;
  system: string | null;
}

const BROWSERS = new Set<string | undefined>(Object.values(Bowser.BROWSER_MAP));
const SYSTEMS = new Set<string | undefined>(Object.values(Bowser.OS_MAP));

/** The device that a `User-Agent` tells of (RFC 9110 section 10.1.5). */
export function deviceOf(userAgent: string | null): Device {
  if (!userAgent) return { browser: null, system: null };
  const parser = Bowser.getParser(userAgent.slice(0, 512));
  const [browser, system] = [parser.getBrowserName(), parser.getOSName()];
  return { browser: BROWSERS.has(browser) ? browser : null, system: SYSTEMS.has(system) ? system : null };
}

/** What a device is known by again: where it is and what it is, but not which version of a browser it has. */
export function deviceKeyOf({ ip, userAgent }: Pick<Actor, 'ip' | 'userAgent'>): string {
  const { browser, system } = deviceOf(userAgent);
  return sha256(JSON.stringify([sourceOf(ip), browser, system]));
}
