import { RuntimeSettings } from './models/runtime-settings.ts';
import type { Tx } from './postgres/transaction.ts';

/** Settings that were changed at run time, by key. */
export interface StoredSettings {
  settings: Readonly<Record<string, unknown>>;
  version: number;
}

export interface RuntimeSettingsStore {
  read(): Promise<StoredSettings>;
  /** The same, locked until the transaction ends. */
  lock(tx: Tx): Promise<StoredSettings>;
  write(settings: Record<string, unknown>, tx: Tx): Promise<StoredSettings>;
}

const shown = ({ settings, version }: RuntimeSettings): StoredSettings => ({ settings, version });

/** The one row of them, in PostgreSQL. */
export const runtimeSettings: RuntimeSettingsStore = {
  async read() {
    const row = await RuntimeSettings.findOne({ where: { id: true } });
    return row ? shown(row) : { settings: {}, version: 1 };
  },
  async lock(tx) {
    const row = await RuntimeSettings.findOne({
      where: { id: true },
      transaction: tx,
      lock: tx.LOCK.UPDATE,
      rejectOnEmpty: true,
    });
    return shown(row);
  },
  async write(settings, tx) {
    const [, [row]] = await RuntimeSettings.update(
      { settings },
      { where: { id: true }, returning: true, transaction: tx },
    );
    return shown(row!);
  },
};
