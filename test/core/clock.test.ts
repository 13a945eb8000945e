import { expect, test } from '@jest/globals';
import { dayOf, isoTime } from '../../src/core/clock.ts';

test('formats times like Date, whatever was formatted before', () => {
  const midnight = Date.UTC(2026, 11, 1);
  const times = [0, -1, 1, -2, 999, 1000, 1001, 59_999].map((distance) => midnight + distance);
  for (const time of [...times, ...times.toReversed(), midnight, midnight]) {
    expect(isoTime(time)).toBe(new Date(time).toISOString());
    expect(dayOf(time)).toBe(new Date(time).toISOString().slice(0, 10));
  }
});
