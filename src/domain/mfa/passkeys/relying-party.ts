import { isIP } from 'node:net';
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

/** Whether there can be passkeys at an address: not where its host is an IP address (WebAuthn section 5.1.2, RP ID). */
export const passkeysWorkAt = (publicUrl: string): boolean =>
  isIP(new URL(publicUrl).hostname.replaceAll(/[[\]]/g, '')) === 0;
