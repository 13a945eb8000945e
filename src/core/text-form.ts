/**
 * The form of a text in keywords of JSON Schema (draft 2020-12), for documents: lengths in code points, a pattern with the
 * `u` flag. Whoever keeps to it is not refused for the form; what only code can tell (a name that is taken) stays unsaid.
 */
export interface TextForm {
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  enum?: readonly string[];
  examples: string[];
}
