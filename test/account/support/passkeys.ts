import type { Page } from 'playwright-core';

/** Capabilities of a kind of authenticator. */
const KINDS = {
  'device': { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
  /** A security key without a PIN and without room for resident keys. */
  'key without PIN': {
    protocol: 'ctap2',
    transport: 'usb',
    hasResidentKey: false,
    hasUserVerification: false,
  },
  /** A security key from before FIDO2. */
  'U2F key': { protocol: 'u2f', transport: 'usb', hasResidentKey: false, hasUserVerification: false },
} as const;

/** Adds a virtual authenticator to the browser. It consents to everything it supports. */
export async function addAuthenticator(
  page: Page,
  kind: keyof typeof KINDS = 'device',
): Promise<{
  /** Whether it verifies its user. */
  verifies(yes: boolean): Promise<void>;
  credentials(): Promise<number>;
}> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...KINDS[kind],
      isUserVerified: KINDS[kind].hasUserVerification,
      automaticPresenceSimulation: true,
    },
  });
  return {
    verifies: async (isUserVerified) => {
      await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
    },
    credentials: async () =>
      (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length,
  };
}
