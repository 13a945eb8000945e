import { DomainError } from '../../core/errors.ts';
import type { Adapter } from './adapter.ts';
import { ReplayDetected } from './record.ts';

/**
 * Device codes, also found by user code (RFC 8628): a separate record under the user code holds the device code, so that the
 * store has neither in plain text.
 */
export function deviceCodes(codes: Adapter, userCodes: Adapter): Adapter {
  const claim = async (userCode: string, id: string, expiresIn: number | undefined): Promise<void> => {
    try {
      await userCodes.upsert(userCode, { deviceCode: id }, expiresIn);
    } catch (error) {
      if (!(error instanceof ReplayDetected)) throw error;
      const taken = await userCodes.find(userCode);
      // A collision of user codes: rare, and a retry gets another code.
      if (taken?.['deviceCode'] !== id) throw new DomainError('unavailable', {}, { cause: error });
    }
  };
  return {
    ...codes,
    async upsert(id, { userCode, ...payload }, expiresIn) {
      if (typeof userCode === 'string') await claim(userCode, id, expiresIn);
      await codes.upsert(id, payload, expiresIn);
    },
    async findByUserCode(userCode) {
      const found = await userCodes.find(userCode);
      const code = found && (await codes.find(String(found['deviceCode'])));
      return code && { ...code, userCode };
    },
  };
}
