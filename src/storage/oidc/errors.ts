/** The record was consumed before, has expired or was never there: somebody else won, or it is a replay. */
export class AlreadyConsumed extends Error {
  override readonly name = 'AlreadyConsumed';
}

/** Another request is being answered with the record: whether it was used is not known yet. */
export class AlreadyClaimed extends Error {
  override readonly name = 'AlreadyClaimed';
}

/** This id was seen before and is still remembered. */
export class ReplayDetected extends Error {
  override readonly name = 'ReplayDetected';
}

/** The grant that this was to be written under has ended, or its account may have none. */
export class GrantGone extends Error {
  override readonly name = 'GrantGone';
}
