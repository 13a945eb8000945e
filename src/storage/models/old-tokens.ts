import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
} from 'sequelize';
import { createdAt, define, ownAccount, sealed } from './define.ts';

/** A refresh token of an old service: an opaque one that was imported, by its hash, or any that was exchanged. */
export class OldRefreshToken extends Model<
  InferAttributes<OldRefreshToken>,
  InferCreationAttributes<OldRefreshToken>
> {
  declare door: string;
  /** In lower-case hexadecimal. */
  declare hash: string;
  /** The source of the account's id; null for any source that has the id. */
  declare source: string | null;
  declare sourceId: string;
  declare issuedAt: Date | null;
  declare expiresAt: Date | null;
  /** When it was exchanged for one of our tokens. */
  declare usedAt: CreationOptional<Date | null>;
  /** What it was exchanged for, where the door hands out no new refresh token; encrypted in the table. */
  declare exchanged: CreationOptional<string | null>;
  declare createdAt: CreationOptional<Date>;
}

define(OldRefreshToken, 'old_refresh_tokens', {
  door: { type: DataTypes.TEXT, primaryKey: true },
  hash: { type: DataTypes.TEXT, primaryKey: true },
  source: DataTypes.TEXT,
  sourceId: { type: DataTypes.TEXT, allowNull: false },
  issuedAt: DataTypes.DATE,
  expiresAt: DataTypes.DATE,
  usedAt: DataTypes.DATE,
  exchanged: sealed('old-refresh-token'),
  createdAt: createdAt(),
});

/** The moment up to which an account's tokens of an old service have ended. */
export class OldTokenEnding extends Model<
  InferAttributes<OldTokenEnding>,
  InferCreationAttributes<OldTokenEnding>
> {
  declare accountId: string;
  declare endedAt: Date;
}

define(OldTokenEnding, 'old_token_endings', {
  accountId: { ...ownAccount(), primaryKey: true },
  endedAt: { type: DataTypes.DATE, allowNull: false },
});

/** How often tokens of old services were presented at a door on a day. */
export class OldTokenUse extends Model<InferAttributes<OldTokenUse>, InferCreationAttributes<OldTokenUse>> {
  declare door: string;
  declare kind: 'access' | 'refresh' | 'refused';
  /** `YYYY-MM-DD`, UTC. */
  declare day: string;
  declare uses: number;
  declare lastUsedAt: Date;
}

define(OldTokenUse, 'old_token_uses', {
  door: { type: DataTypes.TEXT, primaryKey: true },
  kind: { type: DataTypes.TEXT, primaryKey: true },
  day: { type: DataTypes.DATEONLY, primaryKey: true },
  uses: { type: DataTypes.BIGINT, allowNull: false },
  lastUsedAt: { type: DataTypes.DATE, allowNull: false },
});
