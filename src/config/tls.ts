import { z } from 'zod';

/** The cipher suites for TLS 1.2 of BCP 195 (RFC 9325 section 4.2), named by OpenSSL: only forward secrecy and AEAD. */
const RECOMMENDED = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];

/** Whether a name is that of a suite for TLS 1.2. Node also lists those for TLS 1.3, which are always offered. */
function isSuite(name: string): boolean {
  // Loaded on use: commands need no TLS.
  const { getCiphers } = process.getBuiltinModule('node:tls');
  return !name.startsWith('tls_') && getCiphers().includes(name);
}

/** Accept names only: in an OpenSSL cipher expression a typing error could allow more than intended. */
const suite = z
  .string()
  .refine((name) => isSuite(name.toLowerCase()), 'must be the OpenSSL name of a cipher suite for TLS 1.2')
  .transform((name) => name.toUpperCase());

/** `http.tls`: files of a certificate chain and its key (PEM), and the cipher suites for TLS 1.2. */
export const tlsSchema = z.strictObject({
  cert: z.string().min(1),
  key: z.string().min(1),
  ciphers: z.array(suite).min(1).default(RECOMMENDED),
});
