import type { Config } from '../../config/index.ts';
import { createLogger } from '../../core/logger.ts';
import { openSource } from '../../domain/legacy/index.ts';
import { SourceError } from '../../domain/legacy/source.ts';
import { createPasswordHasher } from '../../domain/passwords/hasher.ts';
import { sourceFetch } from '../legacy.ts';
import { type Finding, ok, problem } from './finding.ts';

/** Asks each legacy source for an account that cannot exist, which it must refuse. */
export const checkSources = (config: Config): Promise<Finding[]> =>
  Promise.all(
    config.legacySources.map(async (settings): Promise<Finding> => {
      const name = { key: 'console.doctor.name.legacySource', params: { name: settings.name } } as const;
      const hasher = createPasswordHasher(config.passwords);
      const source = openSource(settings, {
        fetchWithin: sourceFetch(config),
        hasher,
        hashes: {
          read: () =>
            Promise.reject(new SourceError('another_account', 'it returns an account that does not exist')),
        },
        logger: createLogger('silent'),
      });
      try {
        await source.probe();
        return ok(name, 'console.doctor.legacy');
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        const todo =
          error.failure === 'unreachable' ? 'console.doctor.legacySilentTodo' : 'console.doctor.legacyTodo';
        return problem(name, { text: error.message }, todo);
      } finally {
        await source.close();
      }
    }),
  );
