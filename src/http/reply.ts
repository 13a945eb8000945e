import {
  type IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  type RequestListener,
  ServerResponse,
} from 'node:http';

type Fields = OutgoingHttpHeaders | OutgoingHttpHeader[];

/**
 * A reply with fields that it has whoever writes it. Node takes twice as long for fields that are set one by one as for those that
 * `writeHead` gets at once.
 */
export class Reply extends ServerResponse {
  /** Sent with whatever else the reply has. */
  common: Readonly<Record<string, string>> = {};

  override writeHead(status: number, message?: string | Fields, fields?: Fields): this {
    if (typeof message === 'object' && !Array.isArray(message) && this.getHeaderNames().length === 0)
      return super.writeHead(status, { ...this.common, ...message });
    for (const name of Object.keys(this.common)) this.setHeader(name, this.common[name]!);
    return super.writeHead(status, message as string, fields);
  }
}

export type Listener = RequestListener<typeof IncomingMessage, typeof Reply>;
