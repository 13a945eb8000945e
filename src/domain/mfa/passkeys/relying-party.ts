import type { MfaDependencies } from '../dependencies.ts';

/** Who passkeys are for (WebAuthn section 4): they work at this origin and no other. */
export interface RelyingParty {
  id: string;
  origin: string;
  name: string;
}

export const relyingPartyOf = ({
  name,
  publicUrl,
}: Pick<MfaDependencies, 'name' | 'publicUrl'>): RelyingParty => {
  const { origin, hostname } = new URL(publicUrl);
  return { id: hostname, origin, name };
};
