/** A real SMTP server on loopback that accepts mail or fails in any way that one can. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { freePort } from '../support/ports.ts';
import { atEnd } from '../support/cleanup.ts';

/** How the server treats the next messages. */
export type Behaviour =
  | 'accept'
  /** 4xx and 5xx, for the recipient or the message. */
  | 'refuse-recipient-for-now'
  | 'refuse-recipient'
  | 'refuse-message-for-now'
  | 'refuse-message'
  /** Stops replying, at the greeting or after the message. */
  | 'stall-greeting'
  | 'stall-reply'
  /** Closes the connection, when the message starts or after it and before the reply. */
  | 'close-in-message'
  | 'close-before-reply';

const REFUSALS: Partial<Record<Behaviour, { code: number; text: string }>> = {
  'refuse-recipient-for-now': { code: 450, text: 'mailbox busy' },
  'refuse-recipient': { code: 550, text: 'no such mailbox' },
  'refuse-message-for-now': { code: 451, text: 'try again' },
  'refuse-message': { code: 554, text: 'not wanted' },
};

export class SmtpSink {
  behaviour: Behaviour = 'accept';
  /** Runs before the reply to a complete message. */
  beforeReply: () => Promise<void> = async () => undefined;
  /** Messages that it answered with 250. */
  readonly accepted: Email[] = [];
  /** Messages that it read completely, whatever it replied. */
  readonly seen: Email[] = [];
  readonly recipients: string[] = [];
  /** For each recipient, whether the message needs SMTPUTF8 (RFC 6531). */
  readonly international: boolean[] = [];
  port = 0;
  #server: SMTPServer | null = null;
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<SmtpSink> {
    const sink = new SmtpSink();
    sink.port = await freePort();
    await sink.start();
    atEnd(() => sink.stop());
    return sink;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const server = new SMTPServer({
      authOptional: true,
      disableReverseLookup: true,
      logger: false,
      onConnect: (_session, callback) => {
        if (this.behaviour !== 'stall-greeting') callback();
      },
      onRcptTo: ({ address }, { envelope }, callback) => {
        this.recipients.push(address);
        this.international.push((envelope as { smtpUtf8?: boolean }).smtpUtf8 === true);
        callback(this.behaviour.startsWith('refuse-recipient') ? this.#refusal() : null);
      },
      onData: (stream, _session, callback) => {
        if (this.behaviour === 'close-in-message') {
          this.#cut();
          return;
        }
        void this.#read(stream, callback);
      },
    });
    server.on('error', () => undefined);
    server.server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
    await once(server.listen(this.port, '127.0.0.1'), 'listening');
  }

  /** Refuses connections until it starts again. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    const closed = new Promise<void>((resolve) => server.close(resolve));
    this.#cut();
    await closed;
  }

  async #read(stream: Readable, answer: (error: Error | null) => void): Promise<void> {
    // The sender has gone before the end of the message.
    const content = await buffer(stream).catch(() => null);
    if (!content) return;
    const mail = await PostalMime.parse(content);
    this.seen.push(mail);
    await this.beforeReply();
    if (this.behaviour === 'close-before-reply') this.#cut();
    else if (this.behaviour.startsWith('refuse-message')) answer(this.#refusal());
    else if (this.behaviour !== 'stall-reply') {
      this.accepted.push(mail);
      answer(null);
    }
  }

  #refusal(): Error {
    const { code, text } = REFUSALS[this.behaviour]!;
    return Object.assign(new Error(text), { responseCode: code });
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
