/** `2025-06-17T10:30:00Z`: UTC to the second. */
export const secondsZ = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;

/** `2025-06-17T10:30:00`: the same without a zone. */
export const secondsLocal = (at: Date): string => at.toISOString().slice(0, 19);

/** `2025-06-15T11:09:03.405528`: UTC to the microsecond, without a zone. */
export const microsecondsLocal = (at: Date): string => `${at.toISOString().slice(0, 23)}000`;
