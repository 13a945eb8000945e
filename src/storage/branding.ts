import { Op } from 'sequelize';
import { Branding } from './models/branding.ts';
import type { Tx } from './postgres/transaction.ts';

/** An image: its media type and its bytes in base64. */
export interface StoredImage {
  type: string;
  data: string;
}

/** What can differ from the configuration, as a whole or for an app. */
export interface Look {
  name?: string;
  logo?: StoredImage;
  /** The logo on dark pages. */
  logo_dark?: StoredImage;
  /** Colours like `#2f5bea`. */
  colors?: { light?: string; dark?: string };
  /** By language, then by name. */
  texts?: Record<string, Record<string, string>>;
}

export interface BrandingContent extends Look {
  /** By client_id. */
  apps?: Record<string, Look>;
}

export interface BrandingRecord {
  version: number;
  content: BrandingContent;
}

export interface DatedBranding extends BrandingRecord {
  createdAt: Date;
}

export interface BrandingStore {
  /** The latest versions, at most `limit`, newest first. */
  latest(limit: number, tx?: Tx): Promise<DatedBranding[]>;
  /** Serializes changes until the transaction ends. */
  lock(tx: Tx): Promise<void>;
  /** Adds a version and deletes the oldest beyond the limit. */
  add(record: BrandingRecord, tx: Tx): Promise<void>;
}

/** Number of versions to keep. */
const KEPT = 50;

/** Branding of pages and mail, in PostgreSQL. */
export const branding: BrandingStore = {
  async latest(limit, tx) {
    const found = await Branding.findAll({
      order: [['version', 'DESC']],
      limit,
      transaction: tx ?? null,
    });
    return found.map(({ version, content, createdAt }) => ({
      version,
      content: content as BrandingContent,
      createdAt,
    }));
  },
  lock: (tx) => tx.lock('postern.branding'),
  async add({ version, content }, tx) {
    await Branding.create({ version, content: { ...content } }, { transaction: tx });
    await Branding.destroy({ where: { version: { [Op.lte]: version - KEPT } }, transaction: tx });
  },
};
