import http from 'node:http';
import { atEnd } from './cleanup.ts';
import { freePort } from './ports.ts';
import { listenUntilEnd } from './listen.ts';

/** A load balancer without affinity: any request may reach any node. */
export interface Balancer {
  url: string;
  /** Sets the ports of the nodes that receive requests. */
  use(...ports: number[]): void;
  /** Asks these nodes once a second whether they are ready. Only those that are receive requests. */
  checkHealth(...ports: number[]): void;
  /** Number of replies by node and status: `8080 200`. */
  replies: Map<string, number>;
}

export async function startBalancer(): Promise<Balancer> {
  const replies = new Map<string, number>();
  let ports: number[] = [];
  const server = http.createServer((request, response) => {
    const port = ports[Math.floor(Math.random() * ports.length)]!;
    const { method, headers, url: path } = request;
    const forwarded = http.request({ host: 'localhost', port, method, headers, path }, (reply) => {
      const key = `${port} ${reply.statusCode}`;
      replies.set(key, (replies.get(key) ?? 0) + 1);
      response.writeHead(reply.statusCode ?? 500, reply.rawHeaders);
      reply.pipe(response);
    });
    forwarded.on('error', (error) => response.destroy(error));
    request.pipe(forwarded);
  });
  const port = await freePort();
  await listenUntilEnd(server, port);
  const isReady = (node: number) =>
    fetch(`http://localhost:${node}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  return {
    url: `http://localhost:${port}`,
    use: (...nodes) => void (ports = nodes),
    checkHealth(...nodes) {
      const check = async () => {
        const ready = await Promise.all(nodes.map(isReady));
        ports = nodes.filter((_, index) => ready[index]);
      };
      const timer = setInterval(() => void check(), 1_000);
      atEnd(async () => clearInterval(timer));
    },
    replies,
  };
}
