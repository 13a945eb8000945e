/** Reports each step of a start that may take seconds, before it begins, as a phrase for people. */
export type Progress = (step: string) => void;

export const noProgress: Progress = () => undefined;
