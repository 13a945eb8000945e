import type { Settings } from '../../config/index.ts';

/** Who must have a second factor. */
export interface Requirement {
  applies(account: { roles: string[] }): boolean;
}

export const createRequirement = ({ requiredForRoles }: Settings['mfa']): Requirement => ({
  applies: ({ roles }) => requiredForRoles.some((role) => roles.includes(role)),
});
