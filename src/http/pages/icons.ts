/** The icons that `views/partials/icon.ejs` can draw. */
export type Icon =
  | 'alert'
  | 'arrow'
  | 'check'
  | 'clock'
  | 'grid'
  | 'home'
  | 'hourglass'
  | 'key'
  | 'mail'
  | 'passkey'
  | 'person'
  | 'phone'
  | 'refresh';
