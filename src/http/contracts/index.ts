import type { Middleware } from 'koa';
import { docsPaths } from '../endpoints/docs.ts';
import type { Door } from './door.ts';
import { createDoorHandler, type DoorHandler, type GuardDependencies } from './guard.ts';
import { type Mount, openDoors } from './mounts.ts';
import { Routing } from '../endpoints/routing.ts';

interface Dependencies extends GuardDependencies {
  mounts: Mount[];
}

interface Place extends Mount {
  handle: DoorHandler;
}

const under = (path: string, base: string) => path === base || path.startsWith(`${base}/`);

/** The paths under which everything at the root is a door's, errors included: its base path, or first segments. */
const ownedPaths = ({ basePath, operations }: Door): string[] =>
  basePath === '' ? [...new Set(operations.map(({ path }) => `/${path.split('/')[1]}`))] : [basePath];

/** Answers what belongs to a contract door, by host, by prefix or at its documented base URL; anything else goes on. */
export function createContracts({ mounts, ...guard }: Dependencies): Middleware {
  const { publicUrl, settings } = guard.services;
  for (const { door, urls } of openDoors(mounts, publicUrl))
    guard.logger.info(
      { urls, givesAway: door.givesAway(settings) },
      `the contract door ${door.name} is open`,
    );
  const handlers = new Map(
    [...new Set(mounts.map(({ door }) => door))].map((door) => [door, createDoorHandler(door, guard)]),
  );
  const places = mounts.map((mount): Place => ({ ...mount, handle: handlers.get(mount.door)! }));
  const byHost = new Map(places.filter(({ host }) => host !== null).map((place) => [place.host, place]));
  const byName = new Map(places.filter(({ prefix }) => prefix !== '').map((place) => [place.prefix, place]));
  const atRoot = places
    .filter(({ host, prefix }) => host === null && prefix === '')
    .map((place) => ({
      place,
      routing: new Routing(place.door),
      docs: docsPaths(place.door),
      owned: ownedPaths(place.door),
    }));

  /** Two doors may share a base path: whose operation it is goes before whose base path it is. */
  function findAtRoot(path: string): Place | undefined {
    const found =
      atRoot.find(({ docs, routing }) => docs.has(path) || routing.has(path)) ??
      atRoot.find(({ owned }) => owned.some((base) => under(path, base)));
    return found?.place;
  }

  return async (ctx, next) => {
    const { path } = ctx;
    const hosted = byHost.size > 0 ? byHost.get(ctx.get('X-Forwarded-Host')) : undefined;
    if (hosted) return hosted.handle(ctx, '', path);
    if (path.startsWith('/contracts/')) {
      const prefix = path.split('/', 3).join('/');
      const named = byName.get(prefix);
      return named ? named.handle(ctx, prefix, path.slice(prefix.length)) : next();
    }
    const place = findAtRoot(path);
    return place ? place.handle(ctx, '', path) : next();
  };
}
