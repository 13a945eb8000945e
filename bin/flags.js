/**
 * For the server: V8 lets the heap of a busy process grow to many times what lives in it. The second and third keep it within
 * 200 MB instead of 350, for about 4% more CPU. With the first and the last, less is collected while modules are loaded, which
 * stay all.
 */
export const SERVER_FLAGS = [
  '--min-semi-space-size=4',
  '--max-semi-space-size=8',
  '--heap-growing-percent=60',
  '--initial-old-space-size=128',
];

/** For a command, which lives for half a second: what it makes fits into memory without a collection. */
export const COMMAND_FLAGS = ['--min-semi-space-size=64'];

/** glibc would give each of a dozen threads an arena of its own, most of it empty: some megabytes at no gain. */
export const ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };
