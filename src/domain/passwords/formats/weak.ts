import type { Reading, Recipe } from './recipe.ts';

/** Hashes that are cheap to guess when stolen: a fast digest, or a slow one of low cost. */
function isWeakRecipe(recipe: Recipe): boolean {
  if (recipe.kind === 'bcrypt') return recipe.cost < 10;
  if (recipe.kind === 'argon2') return recipe.memory * recipe.time < 12 * 1024;
  if (recipe.kind === 'pbkdf2') return recipe.iterations < 100_000;
  if (recipe.kind === 'shacrypt') return recipe.rounds < 100_000;
  return 'N' in recipe ? recipe.N * recipe.r * recipe.p < 2 ** 16 : true;
}

/** Whether a hash should not be stored as it is: it can be wrapped. */
export const isWeak = (readings: readonly Reading[]): boolean =>
  readings.some(({ recipe, wrapping }) => !wrapping && isWeakRecipe(recipe));
