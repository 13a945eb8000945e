import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const FOLDER = path.join(ROOT, 'docs/connecting');

/** A quote on a page, and the file that it is from. */
export interface Quote {
  file: string;
  code: string;
}

/** A page of docs/connecting. */
export interface ConnectingPage {
  /** The file name without extension. */
  name: string;
  text: string;
  /** The arguments of its first `postern` command, which registers the client, split as in a shell. */
  command: string[];
  quotes: Quote[];
}

export const quotesOf = (text: string): Quote[] =>
  [...text.matchAll(/^```\w+ ((?:examples|demo)\/\S+)\n(.*?)^```$/gms)].map(([, file = '', code = '']) => ({
    file,
    code,
  }));

const words = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? '',
  );

function read(file: string): ConnectingPage {
  const text = readFileSync(path.join(FOLDER, file), 'utf8');
  const [, command = ''] = /postern (client create (?:[^\n]*\\\n)*[^\n]*)/.exec(text) ?? [];
  return {
    name: file.replace(/\.md$/, ''),
    text,
    command: words(command.replaceAll('\\\n', ' ')),
    quotes: quotesOf(text),
  };
}

/** All pages of docs/connecting that describe a connection. */
export const connectingPages: ConnectingPage[] = readdirSync(FOLDER)
  .filter((file) => file !== 'README.md')
  .map(read);

export const pageOf = (name: string): ConnectingPage => {
  const page = connectingPages.find((one) => one.name === name);
  if (!page) throw new Error(`docs/connecting/${name}.md is missing`);
  return page;
};
