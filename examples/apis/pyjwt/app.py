import os

import jwt
from flask import Flask, jsonify, request

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ["AUDIENCE"]

app = Flask(__name__)
keys = jwt.PyJWKClient(ISSUER + "/oauth2/jwks")


class Refused(Exception):
    pass


def token_with(scope):
    """The claims of the request's token, if it is for this API and has the scope (RFC 6750 section 3.1)."""
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        decoded = jwt.decode_complete(
            token,
            keys.get_signing_key_from_jwt(token),
            algorithms=["ES256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": ["iss", "aud", "exp", "sub"]},
        )
    except jwt.PyJWKClientConnectionError:
        raise
    except jwt.PyJWTError:
        raise Refused(401, "invalid_token")
    if decoded["header"].get("typ") != "at+jwt":
        raise Refused(401, "invalid_token")
    if scope not in decoded["payload"].get("scope", "").split():
        raise Refused(403, "insufficient_scope")
    return decoded["payload"]


@app.errorhandler(Refused)
def refused(error):
    status, code = error.args
    return jsonify(error=code), status, {"WWW-Authenticate": f'Bearer error="{code}"'}


@app.get("/orders")
def orders():
    token = token_with("orders:read")
    return jsonify(subject=token["sub"], client=token["client_id"])


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]))
