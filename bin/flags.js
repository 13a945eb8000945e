/**
 * For the server: fewer collections while modules are loaded, which stay in memory anyway, and a bounded young
 * generation. Only flags for sizes: with most others V8 compiles Node's own modules anew, for 40 ms at every start.
 */
export const SERVER_FLAGS = ['--min-semi-space-size=4', '--max-semi-space-size=8'];

/**
 * For the server once it is ready. V8 lets the heap of a busy process grow to many times its live data. This keeps it
 * within 200 MB instead of 350, for about 4% more CPU.
 */
export const READY_FLAG = '--heap-growing-percent=60';

/** For a command, which runs for half a second: its heap fits into memory without a collection. */
export const COMMAND_FLAGS = ['--min-semi-space-size=64'];

/** glibc would give each of a dozen threads its own arena, mostly empty: several megabytes for nothing. */
export const ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };
