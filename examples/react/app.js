import { fileURLToPath } from 'node:url';
import { serve } from '../browser-server.js';

const entry = fileURLToPath(new URL('./app.jsx', import.meta.url));
await serve(
  entry,
  '<!doctype html><html lang="en"><title>Example</title><div id="root"></div><script type="module" src="/app.js"></script></html>',
);
