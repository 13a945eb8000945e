import { isParameter } from '../endpoints/routing.ts';

/** Whether one request can match both paths. */
export function overlap(one: string, other: string): boolean {
  const [left, right] = [one.split('/'), other.split('/')];
  return (
    left.length === right.length &&
    left.every((segment, index) => {
      const facing = right[index]!;
      return segment === facing || isParameter(segment) || isParameter(facing);
    })
  );
}
