import { Op } from 'sequelize';
import { ClientDocument } from './models/clients.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(ClientDocument, 'createdAt', 'updatedAt');

export interface ClientDocumentStore {
  /** Until when it need not be fetched; null for an unknown document. */
  freshUntil(clientId: string): Promise<Date | null>;
  /** Locks the document's id until the transaction ends, known or not. */
  lock(clientId: string, tx: Tx): Promise<void>;
  /** Records a successful fetch. */
  save(document: RecordOf<typeof record>, tx: Tx): Promise<void>;
  /** Number of a host's documents first seen since then. */
  countNew(host: string, since: Date, tx: Tx): Promise<number>;
}

/** Fetches of client metadata documents. */
export const clientDocuments: ClientDocumentStore = {
  async freshUntil(clientId) {
    const document = await ClientDocument.findByPk(clientId);
    return document?.expiresAt ?? null;
  },
  lock: (clientId, tx) => tx.lock(`client_document:${clientId}`),
  async save(document, tx) {
    await ClientDocument.upsert(document, { transaction: tx });
  },
  countNew: (host, since, tx) =>
    ClientDocument.count({ where: { host, createdAt: { [Op.gt]: since } }, transaction: tx }),
};
