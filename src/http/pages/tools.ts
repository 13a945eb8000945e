import type { Config } from '../../config/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import { createCsrf, type Csrf } from './csrf.ts';
import { createFlashes, type Flashes } from './flash.ts';
import type { LookSource } from './looks.ts';
import { createRenderer, type Renderer } from './render.ts';

/** What every page works with, those that the provider shows as well. */
export interface PageTools {
  renderer: Renderer;
  csrf: Csrf;
  flash: Flashes;
}

/** @throws StartupError when `brand.logo` names nothing that can be shown. */
export function createPageTools({
  config,
  secrets,
  clock,
  branding,
}: {
  config: Config;
  secrets: Secrets;
  clock: Clock;
  branding?: LookSource;
}): PageTools {
  const { publicUrl, production } = config;
  return {
    renderer: createRenderer({
      settings: config,
      publicUrl,
      production,
      ...(branding && { branding }),
    }),
    csrf: createCsrf({ secrets, publicUrl }),
    flash: createFlashes({ publicUrl, secrets, clock }),
  };
}
