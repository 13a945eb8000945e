/** Reports each step of a startup that may take seconds, before it begins, as a phrase for people. */
export type Progress = (step: string) => void;

export const noProgress: Progress = () => undefined;
