import { emailKeyOf } from '../lookup.ts';

/**
 * What the addresses of one mailbox have in common: the key of the address without its tag (`ada+shop@` is `ada@`). Dots
 * stay: they are one provider's own rule.
 */
export function mailboxOf(address: string): string {
  const key = emailKeyOf(address) ?? address;
  const at = key.lastIndexOf('@');
  const tag = key.slice(0, at).indexOf('+');
  return tag > 0 ? key.slice(0, tag) + key.slice(at) : key;
}
