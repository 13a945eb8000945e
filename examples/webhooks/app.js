import express from 'express';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const app = express();

// The signature is of the very bytes that came: a parsed and rewritten body does not verify.
app.post('/webhooks', express.raw({ type: 'application/json' }), (req, res) => {
  let event;
  try {
    event = webhook.verify(req.body, req.headers);
  } catch {
    return res.sendStatus(400);
  }
  // The same id may come again: remember it, and do nothing the second time.
  process.stdout.write(`${req.get('webhook-id')} ${event.type} ${event.data.subject?.id}\n`);
  return res.sendStatus(204);
});

app.listen(process.env.PORT);
