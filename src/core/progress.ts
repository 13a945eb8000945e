/** Is told of each step of a start that may take seconds, before it begins: a phrase for people. */
export type Progress = (step: string) => void;

export const noProgress: Progress = () => undefined;
