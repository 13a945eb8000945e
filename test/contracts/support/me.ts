import { newPerson } from '../../../src/http/contracts/conformance.ts';

/** A body that there is nothing wrong with, by the operation of the API on oneself. @param password the caller's. */
export const goodForMe = (operationId: string, password: string): unknown => {
  const response = { clientDataJSON: 'e30', attestationObject: 'oA', transports: ['usb'] };
  const bodies: Record<string, () => unknown> = {
    updateMe: () => ({ name: 'Jane Doe', zoneinfo: 'Europe/Berlin', address: { locality: 'Springfield' } }),
    changeEmail: () => ({ email: newPerson().email }),
    changePassword: () => ({ current_password: password, new_password: newPerson().password }),
    confirmTotp: () => ({ code: '123456' }),
    addPasskey: () => ({
      name: 'key',
      credential: { id: 'AAAA', rawId: 'AAAA', type: 'public-key', response },
    }),
  };
  return (bodies[operationId] ?? (() => ({ name: 'a name' })))();
};
