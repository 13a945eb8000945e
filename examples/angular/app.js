import { fileURLToPath } from 'node:url';
import { serve } from '../browser-server.js';

const entry = fileURLToPath(new URL('./main.ts', import.meta.url));
await serve(
  entry,
  '<!doctype html><html lang="en"><title>Example</title><app-root></app-root><script type="module" src="/app.js"></script></html>',
);
