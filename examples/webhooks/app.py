import os

from flask import Flask, request
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
app = Flask(__name__)


@app.post("/webhooks")
def receive():
    try:
        # The signature is of the very bytes that came: a parsed and rewritten body does not verify.
        event = webhook.verify(request.get_data(), dict(request.headers))
    except WebhookVerificationError:
        return "", 400
    # The same id may come again: remember it, and do nothing the second time.
    print(request.headers["webhook-id"], event["type"], event["data"]["subject"], flush=True)
    return "", 204


app.run(port=int(os.environ["PORT"]))
