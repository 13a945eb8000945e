import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Config } from '../../config/index.ts';
import { StartupError } from '../../core/errors.ts';
import type { TlsOptions } from './http-server.ts';

async function read(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new StartupError(`http.tls.${setting}: cannot read ${file} (${code})`, { cause: error });
  }
}

/** The files of `http.tls`, or undefined without it. @throws StartupError when they are no certificate and its key. */
export async function readTlsOptions(tls: Config['http']['tls']): Promise<TlsOptions | undefined> {
  if (!tls) return undefined;
  const [cert, key] = await Promise.all([read('cert', tls.cert), read('key', tls.key)]);
  try {
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return { ...tls, cert, key };
  } catch (error) {
    throw new StartupError('http.tls: cert must hold a certificate, and key a private key, as PEM', {
      cause: error,
    });
  }
  throw new StartupError(`http.tls: the key in ${tls.key} is not the one of the certificate in ${tls.cert}`);
}
