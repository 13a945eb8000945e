import { recordOf, type RecordOf } from './models/define.ts';
import { MailTexts as Row, type MailTextsByLanguage } from './models/mail-texts.ts';
import type { Tx } from './postgres/transaction.ts';

export type { MailTextsByLanguage } from './models/mail-texts.ts';

const record = recordOf(Row, 'id');
export type MailTextsRecord = RecordOf<typeof record>;

/** The sentences of mail that operators wrote anew. */
export interface MailTexts {
  read(): Promise<MailTextsRecord>;
  /** The same, locked until the transaction ends. */
  lock(tx: Tx): Promise<MailTextsRecord>;
  write(texts: MailTextsByLanguage, tx: Tx): Promise<MailTextsRecord>;
}

/** The one row. */
const ID = 'mail';

export const mailTexts: MailTexts = {
  read: async () => record.from(await Row.findByPk(ID, { rejectOnEmpty: true })),
  lock: async (tx) =>
    record.from(await Row.findByPk(ID, { transaction: tx, lock: tx.LOCK.UPDATE, rejectOnEmpty: true })),
  async write(texts, tx) {
    const [, [row]] = await Row.update({ texts }, { where: { id: ID }, returning: true, transaction: tx });
    return record.from(row!);
  },
};
